//! Records: entering a call that was made.

use alwrity_metering::meter::receipt::Overshoot;
use alwrity_metering::{
    CallOutcome, CallRecord, Meter, Receipt, RecordStatus, Recorded, Timestamp,
};
use clap::Args;
use serde::Serialize;

use super::limits_text::limit_line;
use super::quote::cost_text;
use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::{Outcome, Target};

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The user
    user: String,
    #[command(flatten)]
    target: Target,
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

impl TryFrom<Record> for CallRecord {
    type Error = alwrity_metering::Error;

    fn try_from(record: Record) -> Result<Self, Self::Error> {
        let Record { user, target, outcome, count, occurred_at, key: idempotency_key } = record;
        let Target { provider, model, operation, variant } = target;
        let CallOutcome { usage, usage_source, vendor_cost_usd, status_code, details } =
            outcome.try_into()?;
        Ok(Self {
            user,
            provider,
            operation,
            model,
            variant,
            usage,
            usage_source,
            vendor_cost_usd,
            status_code,
            call_count: count,
            occurred_at,
            idempotency_key,
            details,
        })
    }
}

/// The answer to a record that was queued and then flushed.
#[derive(Serialize)]
struct Queued {
    status: &'static str,
    idempotency_key: String,
}

pub(crate) fn run(args: Record, context: &Context<'_>) -> Result<Answer, Failure> {
    let record = args.try_into()?;
    let meter = context.open()?;
    match meter.record(&record)? {
        Recorded::Receipt(receipt) => receipt_answer(&receipt, context),
        Recorded::Queued { idempotency_key } => flushed(&meter, idempotency_key, context),
    }
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
