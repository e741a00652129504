//! The `alwrity-metering` command as a library: arguments in, one document out, an exit code back.
//!
//! A command never prints. It returns an answer, and only this file writes: the answer to standard
//! output, as a table or as one JSON document, and everything that is said beside it to standard
//! error. So a closed pipe changes no exit code, and tests run whole commands in one process.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done, or allowed |
//! | 1 | a difference was found, or something failed |
//! | 2 | the command line is not accepted |
//! | 3 | refused by a limit |

mod answer;
mod arguments;
pub mod channel;
mod chart;
mod command;
mod context;
mod failure;
mod fields;
mod option_flags;
mod retry;
mod saved;
mod sheet;

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style as Ansi};

use self::answer::{Answer, Exit, Warning};
use self::arguments::Parsed;
use self::context::Context;
use self::failure::Failure;
use self::sheet::Style;

/// Where a command writes, and whether somebody is looking.
pub struct Streams<'a> {
    /// Takes the answer.
    pub out: &'a mut dyn Write,
    /// Takes errors, warnings and hints.
    pub err: &'a mut dyn Write,
    /// Whether `out` is a terminal: tables are fitted to its width and may be coloured.
    pub is_out_terminal: bool,
    /// Whether `err` is a terminal: it may be coloured, and a long work shows its progress.
    pub is_err_terminal: bool,
}

impl std::fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

/// Runs a command on the standard streams; the exit code.
///
/// `args` are the arguments without the name of the command. `self_command` is what starts this
/// command again, for the workers of `replay --jobs`: the path of the executable, or
/// `python -m alwrity_metering`.
pub fn run(args: impl IntoIterator<Item = OsString>, self_command: &[OsString]) -> u8 {
    let (out, err) = (std::io::stdout(), std::io::stderr());
    let (is_out_terminal, is_err_terminal) = (out.is_terminal(), err.is_terminal());
    let (out, err) = (&mut out.lock(), &mut std::io::stderr());
    run_on(args, self_command, &mut Streams { out, err, is_out_terminal, is_err_terminal })
}

/// Runs a command on given streams; the exit code.
pub fn run_on(
    args: impl IntoIterator<Item = OsString>,
    self_command: &[OsString],
    streams: &mut Streams<'_>,
) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let may_colour = allows_colour(std::env::var_os("NO_COLOR").as_deref());
    let err_is_coloured = streams.is_err_terminal && may_colour;
    let out_style = Style {
        is_terminal: streams.is_out_terminal,
        is_coloured: streams.is_out_terminal && may_colour,
    };
    let outcome = match arguments::parse(&args) {
        Ok(parsed) => act(parsed, &args, self_command, out_style, streams),
        Err(error) => return show_usage(&error, out_style.is_coloured, err_is_coloured, streams),
    };
    let (code, said) = match outcome {
        Ok((exit, warnings)) => {
            let said = warnings.iter().map(|one| spoken(one, err_is_coloured)).collect();
            (exit.code(), said)
        }
        Err(Failure::OutputClosed) => (Exit::Done.code(), String::new()),
        Err(failure) => {
            let (message, hint) = (failure.to_string(), failure.hint());
            let error = Warning { message, hint, is_error: true };
            (failure.exit_code(), spoken(&error, err_is_coloured))
        }
    };
    // Nobody is left to be told that standard error is closed.
    drop(streams.err.write_all(said.as_bytes()).and_then(|()| streams.err.flush()));
    code
}

/// Whether the environment leaves colour to a terminal: `NO_COLOR`, not empty, forbids it.
fn allows_colour(no_color: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty)
}

fn act(
    parsed: Parsed,
    args: &[OsString],
    self_command: &[OsString],
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<(Exit, Vec<Warning>), Failure> {
    let Parsed { global, command, matches } = parsed;
    let context = Context {
        global,
        options: option_flags::read(&matches)?,
        style,
        shows_progress: streams.is_err_terminal,
        args,
        self_command,
    };
    let Answer { text, exit, warnings } = command.run(&context, streams.out)?;
    match write_line(streams.out, &text) {
        Ok(()) | Err(Failure::OutputClosed) => Ok((exit, warnings)),
        Err(failure) => Err(failure),
    }
}

/// Writes a text and the end of its line.
pub(crate) fn write_line(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Ok(());
    }
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"))?;
    Ok(out.flush()?)
}

fn show_usage(
    error: &clap::Error,
    out_is_coloured: bool,
    err_is_coloured: bool,
    streams: &mut Streams<'_>,
) -> u8 {
    let text = |is_coloured: bool| {
        let text = error.render();
        if is_coloured { text.ansi().to_string() } else { text.to_string() }
    };
    let (written, code) = if error.use_stderr() {
        (streams.err.write_all(text(err_is_coloured).as_bytes()), Exit::Usage)
    } else {
        (streams.out.write_all(text(out_is_coloured).as_bytes()), Exit::Done)
    };
    // A closed pipe has seen enough of the help.
    drop(written.and_then(|()| streams.out.flush()));
    code.code()
}

/// `error: message` and `hint: what to do`.
fn spoken(warning: &Warning, is_coloured: bool) -> String {
    let (label, colour) =
        if warning.is_error { ("error", AnsiColor::Red) } else { ("warning", AnsiColor::Yellow) };
    let mut text = labelled(label, colour, &warning.message, is_coloured);
    if let Some(hint) = &warning.hint {
        text.push_str(&labelled("hint", AnsiColor::Cyan, hint, is_coloured));
    }
    text
}

fn labelled(label: &str, colour: AnsiColor, text: &str, is_coloured: bool) -> String {
    let style = Ansi::new().bold().fg_color(Some(colour.into()));
    if is_coloured {
        format!("{style}{label}{style:#}: {text}\n")
    } else {
        format!("{label}: {text}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_forbids_colour_unless_it_is_empty() {
        assert!(allows_colour(None));
        assert!(allows_colour(Some(OsStr::new(""))));
        assert!(!allows_colour(Some(OsStr::new("1"))));
    }

    #[test]
    fn colour_is_around_the_label_alone() {
        let warning =
            Warning { message: "bad".into(), hint: Some("mend it".into()), is_error: true };
        assert_eq!(spoken(&warning, false), "error: bad\nhint: mend it\n");
        let coloured = spoken(&warning, true);
        assert!(coloured.contains("\u{1b}[") && coloured.contains(": bad\n"), "{coloured:?}");
    }
}
