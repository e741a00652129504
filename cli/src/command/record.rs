//! Records: entering a call that was made.

use std::path::PathBuf;

use alwrity_metering::meter::receipt::Overshoot;
use alwrity_metering::{
    CallOutcome, CallRecord, Extracted, Meter, Receipt, RecordStatus, Recorded, Timestamp, Variant,
};
use clap::Args;
use serde::Serialize;

use super::extract::with_notes;
use super::limits_text::limit_line;
use super::quote::cost_text;
use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::{Outcome, choice};
use crate::saved::{Reading, read};

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The user
    user: String,
    /// Take usage, model, tier and the vendor's cost from a saved answer; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "input_tokens", "output_tokens", "units", "usage_source", "vendor_cost_usd",
    ])]
    from_response: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Who is paid: `gemini`, `openai`, `tavily` [default: what the saved answer tells]
    #[arg(long, value_name = "PROVIDER", required_unless_present = "from_response")]
    provider: Option<String>,
    /// The model, when there is one [default: the one of the saved answer]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// What was done, such as `chat` or `search`; without it, what the catalogue says
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// The service tier [default: that of the saved answer, else standard]
    #[arg(long, value_name = "VARIANT", value_parser = choice::<Variant>())]
    variant: Option<Variant>,
    #[command(flatten)]
    outcome: Outcome,
    /// How many calls this stands for
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: i64,
    /// When the call was made [default: now]
    #[arg(long, value_name = "TIME")]
    occurred_at: Option<Timestamp>,
    /// The key that makes a repeat harmless [default: one is made]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Record {
    /// The call to record, and what the saved answer says, if it is from one.
    fn into_call(self) -> Result<(CallRecord, Option<Extracted>), Failure> {
        let outcome: CallOutcome = self.outcome.try_into()?;
        let mut call = CallRecord {
            usage_source: outcome.usage_source,
            vendor_cost_usd: outcome.vendor_cost_usd,
            ..CallRecord::new(&self.user, "", "", outcome.usage)
        };
        if self.from_response.is_none() && self.reading != Reading::default() {
            return Err(Failure::usage(
                "`--stream` and `--content-type` tell how to read a saved answer",
                "give `--from-response FILE`",
            ));
        }
        let mut found = None;
        if let Some(path) = &self.from_response {
            let saved = read(path, self.provider.as_deref(), &self.reading)?;
            call = saved.found.clone().into_record(&self.user, &saved.provider);
            call.operation = saved.operation;
            found = Some(saved.found);
        }
        let call = CallRecord {
            provider: self.provider.unwrap_or(call.provider),
            model: self.model.unwrap_or(call.model),
            operation: self.operation.or(call.operation),
            variant: self.variant.unwrap_or(call.variant),
            status_code: outcome.status_code,
            call_count: self.count,
            occurred_at: self.occurred_at,
            idempotency_key: self.key,
            details: outcome.details,
            ..call
        };
        Ok((call, found))
    }
}

/// The answer to a record that was queued and then flushed.
#[derive(Serialize)]
struct Queued {
    status: &'static str,
    idempotency_key: String,
}

pub(crate) fn run(args: Record, context: &Context<'_>) -> Result<Answer, Failure> {
    let (record, found) = args.into_call()?;
    let meter = context.open()?;
    let answer = match meter.record(&record)? {
        Recorded::Receipt(receipt) => receipt_answer(&receipt, context),
        Recorded::Queued { idempotency_key } => flushed(&meter, idempotency_key, context),
    }?;
    Ok(found.iter().fold(answer, with_notes))
}

fn receipt_answer(receipt: &Receipt, context: &Context<'_>) -> Result<Answer, Failure> {
    let answer = Answer::new(context, receipt, || receipt_text(receipt, context))?;
    let answer = receipt.limits_exceeded.iter().fold(answer, |answer, limit| {
        let user = &receipt.user;
        answer.warns(format!("`{user}` is over a limit, {}", limit_line(limit)), None)
    });
    if receipt.cost_usd.is_some() {
        return Ok(answer);
    }
    let Receipt { provider, model, .. } = receipt;
    let message = format!("the cost is unknown: nothing prices `{provider}` / `{model}`");
    Ok(answer.warns(message, Some("add the price with `prices set`, then `re-rate --apply`")))
}

/// This process ends here, so what was queued has to be committed before it does.
fn flushed(meter: &Meter, key: String, context: &Context<'_>) -> Result<Answer, Failure> {
    meter.flush()?;
    if meter.queued_failures() > 0 {
        return Err(Failure::other_with_hint(
            format!("the call with key `{key}` was queued, but could not be recorded"),
            "repeat it with `--durability durable` to see why",
        ));
    }
    let queued = Queued { status: "queued", idempotency_key: key };
    let Queued { idempotency_key: key, .. } = &queued;
    Answer::new(context, &queued, || format!("queued and committed as `{key}`"))
}

/// A receipt for people.
pub(crate) fn receipt_text(receipt: &Receipt, context: &Context<'_>) -> String {
    let usage: Vec<String> =
        receipt.usage.iter().map(|(unit, quantity)| format!("{unit}={quantity}")).collect();
    let status = match receipt.status {
        RecordStatus::Recorded => "recorded",
        RecordStatus::Duplicate => "duplicate",
    };
    let mut facts = vec![
        ("status", status.to_owned()),
        ("call_id", receipt.call_id.to_string()),
        ("idempotency_key", receipt.idempotency_key.clone()),
        ("user", receipt.user.clone()),
        ("provider", receipt.provider.clone()),
        ("model", receipt.model.clone()),
        ("operation", receipt.operation.to_string()),
        ("usage", usage.join(" ")),
        ("call_count", receipt.call_count.to_string()),
        ("cost", cost_text(receipt.cost_usd)),
        ("price_match", receipt.price_match.to_string()),
        ("occurred_at", receipt.occurred_at.to_string()),
        ("period_starts_at", receipt.period_starts_at.to_string()),
    ];
    if receipt.late {
        facts.push(("late", "true".to_owned()));
    }
    if receipt.overshoot != Overshoot::default() {
        let over = &receipt.overshoot;
        facts.push(("overshoot", format!("{} tokens, ${}", over.tokens, over.cost_usd)));
    }
    context.facts(facts)
}
