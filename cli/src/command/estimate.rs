//! Estimates: what a call will probably use, and what was learned of models.

use std::path::PathBuf;

use alwrity_metering::{
    CallEstimate, CallRequest, EstimateInput, ModelCalibration, Variant, detect_model,
};
use clap::Args;
use serde_json::Value;

use super::quote::cost_text;
use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;
use crate::saved::read_text;
use crate::sheet::Column::{Number, Text};
use crate::sheet::or_dash;

#[derive(Debug, Args)]
pub(crate) struct Estimate {
    /// A text, or a request as JSON; `-` is standard input
    file: PathBuf,
    /// The model [default: the one that the request names]
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// Who will be paid [default: whose the model is, where its name tells]
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// What will be done, such as `chat`; without it, what the catalogue says
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// The service tier
    #[arg(long, value_name = "VARIANT", default_value = "standard",
          value_parser = choice::<Variant>())]
    variant: Variant,
    /// Whose answers tell how long the next one will be
    #[arg(long, value_name = "USER", default_value = "", hide_default_value = true)]
    user: String,
    /// The cap on output tokens [default: the one that the request sets]
    #[arg(long, value_name = "N")]
    max_output_tokens: Option<i64>,
    /// Take the file as a text to send, also where it is a JSON object
    #[arg(long)]
    text: bool,
}

pub(crate) fn run(args: Estimate, context: &Context<'_>) -> Result<Answer, Failure> {
    let Estimate { file, mut model, provider, operation, variant, user, .. } = args;
    let text = read_text(&file)?;
    let body = serde_json::from_str(&text).ok().filter(|body: &Value| body.is_object());
    let body = body.filter(|_| !args.text);
    if model.is_empty() {
        let named = body.as_ref().and_then(|body| body.get("model")).and_then(Value::as_str);
        named.unwrap_or_default().clone_into(&mut model);
    }
    let provider = provider.or_else(|| detect_model(&model).provider.map(String::from));
    let provider = provider.ok_or_else(|| {
        Failure::usage(
            format!("the name `{model}` does not tell whose model it is"),
            "give `--model MODEL` and `--provider NAME`",
        )
    })?;
    let request = CallRequest {
        operation,
        variant,
        max_output_tokens: args.max_output_tokens,
        ..CallRequest::new(&user, &provider, &model)
    };
    let input = match &body {
        Some(body) => EstimateInput::Request(body),
        None => EstimateInput::Text(&text),
    };
    let estimate = context.open()?.estimate(&request, input)?;
    let answer = Answer::new(context, &estimate, || show(&estimate, context))?;
    Ok(estimate.notes.iter().fold(answer, |answer, note| answer.warns(note.as_str(), None)))
}

fn show(estimate: &CallEstimate, context: &Context<'_>) -> String {
    let CallEstimate { request, hold, .. } = estimate;
    let mut facts = vec![("provider", request.provider.clone()), ("model", request.model.clone())];
    match hold {
        Some(hold) => facts.extend([
            ("input_tokens", estimate.input_tokens.to_string()),
            ("source", hold.source.name().to_owned()),
            ("factor", format!("{} of {} calls", share(hold.factor_ppm), estimate.learned_calls)),
            ("margin", format!("{}%", hold.margin_percent)),
            ("held_input_tokens", hold.input_tokens.to_string()),
            ("held_output_tokens", hold.output_tokens.to_string()),
            ("output_reason", hold.output_reason.name().to_owned()),
        ]),
        None => {
            let units: Vec<String> =
                request.usage.iter().map(|(unit, n)| format!("{unit}={n}")).collect();
            facts.push(("usage", units.join(" ")));
        }
    }
    facts.push(("cost", cost_text(estimate.cost_usd)));
    context.facts(facts)
}

/// Parts per million as a number with three places.
fn share(ppm: i64) -> String {
    format!("{}.{:03}", ppm / 1_000_000, ppm % 1_000_000 / 1_000)
}

pub(crate) fn calibrations(context: &Context<'_>) -> Result<Answer, Failure> {
    let models = context.open()?.calibrations()?;
    Answer::new(context, &models, || show_calibrations(&models, context))
}

fn show_calibrations(models: &[ModelCalibration], context: &Context<'_>) -> String {
    if models.is_empty() {
        return "nothing is learned yet: settle what was reserved by an estimate".to_owned();
    }
    let mut sheet = context.sheet(&[
        Text("provider"),
        Text("model"),
        Number("calls"),
        Number("estimated_tokens"),
        Number("reported_tokens"),
        Number("factor"),
        Number("tokens_per_word"),
        Number("tokens_per_character"),
    ]);
    for model in models {
        sheet.row([
            model.provider.clone(),
            model.model.clone(),
            model.sums.calls.to_string(),
            model.sums.estimated_tokens.to_string(),
            model.sums.reported_tokens.to_string(),
            share(model.factor_ppm),
            or_dash(model.tokens_per_word_ppm.map(share)),
            or_dash(model.tokens_per_character_ppm.map(share)),
        ]);
    }
    sheet.render()
}
