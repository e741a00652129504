//! Holds: asking, reserving, settling and giving back.

use alwrity_metering::{
    CallKey, CallOutcome, CallRequest, Decision, HoldReceipt, ReleaseStatus, Reservation,
    Timestamp, Unit,
};
use clap::Args;
use serde::Serialize;

use super::limits_text::limit_line;
use super::record::receipt_text;
use crate::answer::{Answer, Exit};
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::{Outcome, Target, added, quantity};

/// A call that is asked for.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The user
    user: String,
    #[command(flatten)]
    target: Target,
    /// Tokens of the prompt, exact or estimated
    #[arg(long, value_name = "N", default_value_t = 0)]
    input_tokens: i64,
    /// The cap on output tokens [default: the option `--default-output-tokens`, for chat]
    #[arg(long, value_name = "N")]
    max_output_tokens: Option<i64>,
    /// A quantity of any unit, such as `images=4`; may be repeated
    #[arg(long = "unit", value_name = "UNIT=N", value_parser = quantity)]
    units: Vec<(Unit, i64)>,
    /// How many calls are asked for at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: i64,
    /// When the call is made [default: now]
    #[arg(long, value_name = "TIME")]
    occurred_at: Option<Timestamp>,
}

impl TryFrom<Ask> for CallRequest {
    type Error = alwrity_metering::Error;

    fn try_from(ask: Ask) -> Result<Self, Self::Error> {
        let Ask { user, target, input_tokens, max_output_tokens, units, count, occurred_at } = ask;
        let Target { provider, model, operation, variant } = target;
        Ok(Self {
            user,
            provider,
            operation,
            model,
            variant,
            input_tokens,
            max_output_tokens,
            usage: added(&units)?,
            call_count: count,
            occurred_at,
            idempotency_key: None,
            ttl_ms: None,
            input_estimate: None,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
pub(crate) struct Reserve {
    #[command(flatten)]
    ask: Ask,
    /// The key that makes a repeat harmless [default: one is made]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// How long the hold lives [default: the option `--hold-ttl-ms`]
    #[arg(long, value_name = "MS")]
    ttl_ms: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct Settle {
    /// The user
    user: String,
    /// The hold that `reserve` returned
    hold_id: CallKey,
    #[command(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    /// The user
    user: String,
    /// The hold that `reserve` returned
    hold_id: CallKey,
}

pub(crate) fn check(args: Check, context: &Context<'_>) -> Result<Answer, Failure> {
    let request = args.ask.try_into()?;
    let decision = context.open()?.check_limit(&request)?;
    let answer = Answer::new(context, &decision, || decision_text(&decision, context))?;
    Ok(answer.ends(if decision.allowed { Exit::Done } else { Exit::Refused }))
}

pub(crate) fn reserve(args: Reserve, context: &Context<'_>) -> Result<Answer, Failure> {
    let Reserve { ask, key: idempotency_key, ttl_ms } = args;
    let request = CallRequest { idempotency_key, ttl_ms, ..ask.try_into()? };
    let reservation = context.open()?.reserve(&request)?;
    let answer = Answer::new(context, &reservation, || match &reservation {
        Reservation::Granted(hold) => hold_text(hold, context),
        Reservation::Refused(decision) => decision_text(decision, context),
        Reservation::Duplicate(receipt) => receipt_text(receipt, context),
    })?;
    let is_refused = matches!(reservation, Reservation::Refused(_));
    Ok(answer.ends(if is_refused { Exit::Refused } else { Exit::Done }))
}

pub(crate) fn settle(args: Settle, context: &Context<'_>) -> Result<Answer, Failure> {
    let outcome: CallOutcome = args.outcome.try_into()?;
    let receipt = context.open()?.settle(&args.user, args.hold_id, &outcome)?;
    Answer::new(context, &receipt, || receipt_text(&receipt, context))
}

#[derive(Serialize)]
struct Released {
    hold_id: CallKey,
    status: ReleaseStatus,
}

pub(crate) fn release(args: &Release, context: &Context<'_>) -> Result<Answer, Failure> {
    let (hold_id, meter) = (args.hold_id, context.open()?);
    let status = meter.release(&args.user, hold_id)?;
    Answer::new(context, &Released { hold_id, status }, || match status {
        ReleaseStatus::Released => format!("released `{hold_id}`"),
        ReleaseStatus::AlreadyClosed => format!("`{hold_id}` counted no more already"),
    })
}

fn decision_text(decision: &Decision, context: &Context<'_>) -> String {
    let mut facts = vec![
        ("decision", if decision.allowed { "allowed" } else { "refused" }.to_owned()),
        ("message", decision.message.clone()),
        ("user", decision.user.clone()),
        ("plan_id", decision.plan_id.clone()),
        ("cost", format!("${}", decision.cost_usd)),
    ];
    if let Some(limit) = &decision.limit {
        facts.push(("tightest", limit_line(limit)));
    }
    if !decision.refusing.is_empty() {
        facts.push(("refusing", decision.refusing.join(", ")));
    }
    if let Some(resets_at) = decision.resets_at {
        facts.push(("resets_at", resets_at.to_string()));
    }
    if let Some(plan) = &decision.upgrade_plan_id {
        facts.push(("upgrade_plan_id", plan.clone()));
    }
    context.facts(facts)
}

fn hold_text(hold: &HoldReceipt, context: &Context<'_>) -> String {
    let mut facts = vec![
        ("decision", "granted".to_owned()),
        ("hold_id", hold.hold_id.to_string()),
        ("idempotency_key", hold.idempotency_key.clone()),
        ("user", hold.user.clone()),
        ("provider", hold.provider.clone()),
        ("model", hold.model.clone()),
        ("operation", hold.operation.to_string()),
        ("cost", format!("${}", hold.cost_usd)),
        ("is_price_known", hold.is_price_known.to_string()),
        ("expires_at", hold.expires_at.to_string()),
        ("is_repeat", hold.is_repeat.to_string()),
    ];
    if let Some(limit) = &hold.tightest {
        facts.push(("tightest", limit_line(limit)));
    }
    context.facts(facts)
}
