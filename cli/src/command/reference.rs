//! Reference: the tables of errors and options, and shell completions.

use alwrity_metering::error::ERRORS;
use alwrity_metering::meter::options::OPTIONS;
use clap::Args;
use clap_complete::Shell;
use serde::Serialize;

use crate::answer::{Answer, Exit};
use crate::arguments::command_line;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Prose, Text};

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Serialize)]
struct ErrorView {
    code: &'static str,
    number: u16,
    http_status: u16,
    is_retryable: bool,
    meaning: &'static str,
    hint: &'static str,
}

pub(crate) fn errors(context: &Context<'_>) -> Result<Answer, Failure> {
    let views: Vec<ErrorView> = ERRORS
        .iter()
        .map(|row| ErrorView {
            code: row.code,
            number: row.number,
            http_status: row.http_status,
            is_retryable: row.is_retryable,
            meaning: row.meaning.trim(),
            hint: row.hint,
        })
        .collect();
    Answer::new(context, &views, || {
        let mut sheet = context.sheet(&[
            Number("number"),
            Text("code"),
            Number("http"),
            Text("retry"),
            Prose("meaning"),
            Prose("hint"),
        ]);
        for view in &views {
            sheet.row([
                view.number.to_string(),
                view.code.to_owned(),
                view.http_status.to_string(),
                if view.is_retryable { "yes" } else { "no" }.to_owned(),
                view.meaning.to_owned(),
                view.hint.to_owned(),
            ]);
        }
        sheet.render()
    })
}

#[derive(Serialize)]
struct OptionView {
    name: &'static str,
    default: &'static str,
    expected: &'static str,
    environment: String,
    flag: String,
    meaning: &'static str,
}

pub(crate) fn options(context: &Context<'_>) -> Result<Answer, Failure> {
    let views: Vec<OptionView> = OPTIONS
        .iter()
        .map(|row| OptionView {
            name: row.name,
            default: row.default,
            expected: row.expected,
            environment: row.environment(),
            flag: row.flag(),
            meaning: row.meaning,
        })
        .collect();
    Answer::new(context, &views, || {
        let mut sheet = context.sheet(&[
            Text("option"),
            Text("default"),
            Text("expected"),
            Text("environment"),
            Text("flag"),
            Prose("meaning"),
        ]);
        for view in &views {
            sheet.row([
                view.name.to_owned(),
                view.default.to_owned(),
                view.expected.to_owned(),
                view.environment.clone(),
                view.flag.clone(),
                view.meaning.to_owned(),
            ]);
        }
        sheet.render()
    })
}

pub(crate) fn completions(args: &Completions) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(), "alwrity-metering", &mut script);
    let text = String::from_utf8_lossy(&script).trim_end().to_owned();
    Answer { text, exit: Exit::Done, warnings: Vec::new() }
}
