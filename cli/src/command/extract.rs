//! Extraction: what a saved answer says was used.

use std::path::PathBuf;

use alwrity_metering::{Extracted, Variant};
use clap::Args;
use serde::Serialize;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::saved::{Reading, Saved, read};
use crate::sheet::or_dash;

#[derive(Debug, Args)]
pub(crate) struct Extract {
    /// The answer: JSON, or a stream as it came; `-` is standard input
    file: PathBuf,
    /// Who answered [default: what the form of the answer tells]
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// What an answer says, and whose it is.
#[derive(Serialize)]
struct Shown<'a> {
    provider: &'a str,
    operation: Option<&'a str>,
    #[serde(flatten)]
    found: &'a Extracted,
}

pub(crate) fn run(args: &Extract, context: &Context<'_>) -> Result<Answer, Failure> {
    let saved = read(&args.file, args.provider.as_deref(), &args.reading)?;
    let Saved { provider, operation, found } = &saved;
    let shown = Shown { provider, operation: operation.as_deref(), found };
    let answer = Answer::new(context, &shown, || show(&saved, context))?;
    Ok(with_notes(answer, found))
}

/// The answer with what the reading has to say beside it.
pub(crate) fn with_notes(answer: Answer, found: &Extracted) -> Answer {
    let answer = found.notes.iter().fold(answer, |answer, note| answer.warns(note.as_str(), None));
    if !found.is_partial {
        return answer;
    }
    answer.warns("the answer is cut off or goes on: the usage is what is known so far", None)
}

fn show(saved: &Saved, context: &Context<'_>) -> String {
    let Saved { provider, operation, found } = saved;
    let mut facts = vec![
        ("provider", provider.clone()),
        ("operation", or_dash(operation.as_deref())),
        ("model", or_dash(found.model.as_deref())),
    ];
    let units: Vec<String> =
        found.usage.iter().map(|(unit, quantity)| format!("{unit}={quantity}")).collect();
    facts.push(("usage", units.join(" ")));
    facts.extend([
        ("variant", or_dash(found.variant.map(Variant::name))),
        ("vendor_cost", or_dash(found.vendor_cost_usd.map(|cost| format!("${cost}")))),
        ("usage_source", found.usage_source.to_string()),
    ]);
    context.facts(facts)
}
