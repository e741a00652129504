//! Detection: who was called and what for.

use std::path::PathBuf;

use alwrity_metering::{Detection, detect_body_text, detect_model, detect_provider};
use clap::Args;

use crate::answer::{Answer, Exit};
use crate::context::Context;
use crate::failure::Failure;
use crate::saved::read_text;
use crate::sheet::or_dash;

#[derive(Debug, Args)]
#[group(id = "evidence", required = true, multiple = true)]
pub(crate) struct Detect {
    /// The URL that was called, or its host and path
    #[arg(long, value_name = "URL", group = "evidence")]
    url: Option<String>,
    /// The model's name, as it was given
    #[arg(long, value_name = "MODEL", group = "evidence")]
    model: Option<String>,
    /// A file with the answer, JSON or a stream as it came; `-` is standard input
    #[arg(long, value_name = "FILE", group = "evidence")]
    body: Option<PathBuf>,
}

pub(crate) fn run(args: &Detect, context: &Context<'_>) -> Result<Answer, Failure> {
    let by_url = args.url.as_deref().map(detect_provider).unwrap_or_default();
    let by_body = match &args.body {
        Some(path) => detect_body_text(&read_text(path)?),
        None => Detection::unknown(),
    };
    let by_model = args.model.as_deref().map(detect_model).unwrap_or_default();
    let found = by_url.or(by_body).or(by_model);
    let exit = if found.is_unknown() { Exit::Difference } else { Exit::Done };
    Ok(Answer::new(context, &found, || show(&found, context))?.ends(exit))
}

fn show(found: &Detection, context: &Context<'_>) -> String {
    let Detection { provider, operation, model, confidence } = found;
    context.facts([
        ("provider", or_dash(provider.as_deref())),
        ("operation", or_dash(operation.as_deref())),
        ("model", or_dash(model.as_deref())),
        ("confidence", confidence.name().to_owned()),
    ])
}
