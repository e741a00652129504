//! Usage: what users used.

use std::collections::BTreeMap;

use alwrity_metering::{Breakdown, PeriodChoice, UsageSummary};
use clap::Args;

use super::limits_text::limits_text;
use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};
use crate::sheet::{or_dash, printable};

#[derive(Debug, Args)]
pub(crate) struct Usage {
    /// The user
    user: String,
    /// `current`, `all` or a month such as `2025-10`
    #[arg(long, value_name = "PERIOD", default_value = "current")]
    period: PeriodChoice,
}

pub(crate) fn run(args: &Usage, context: &Context<'_>) -> Result<Answer, Failure> {
    let summary = context.open()?.usage_summary(&args.user, &args.period)?;
    Answer::new(context, &summary, || show(&summary, context))
}

fn show(summary: &UsageSummary, context: &Context<'_>) -> String {
    let span = summary.span.map(|span| format!("{} to {}", span.starts_at, span.ends_at));
    let mut parts = vec![context.facts([
        ("user", summary.user.clone()),
        ("billing_period", summary.billing_period.clone()),
        ("span", or_dash(span)),
        ("plan_id", summary.plan_id.clone()),
        ("usage_status", summary.usage_status.name().to_owned()),
        ("total_calls", summary.total_calls.to_string()),
        ("total_tokens", summary.total_tokens.to_string()),
        ("input_tokens", summary.input_tokens.to_string()),
        ("output_tokens", summary.output_tokens.to_string()),
        ("total_cost", format!("${}", summary.total_cost)),
        ("unpriced_calls", summary.unpriced_calls.to_string()),
        ("failed_calls", summary.failed_calls.to_string()),
        ("error_rate", format!("{}%", summary.error_rate)),
        ("avg_response_time_ms", or_dash(summary.avg_response_time_ms)),
    ])];
    for (name, breakdown) in
        [("provider", &summary.provider_breakdown), ("operation", &summary.operation_breakdown)]
    {
        if !breakdown.is_empty() {
            parts.push(breakdown_text(name, breakdown, context));
        }
    }
    if !summary.limits.is_empty() {
        parts.push(limits_text(&summary.limits, context));
    }
    parts.join("\n\n")
}

fn breakdown_text(
    name: &'static str,
    breakdown: &BTreeMap<String, Breakdown>,
    context: &Context<'_>,
) -> String {
    let mut sheet = context.sheet(&[
        Text(name),
        Number("calls"),
        Number("tokens"),
        Number("cost"),
        Number("unpriced_calls"),
    ]);
    for (name, part) in breakdown {
        sheet.row([
            name.clone(),
            part.calls.to_string(),
            part.tokens.to_string(),
            format!("${}", part.cost),
            part.unpriced_calls.to_string(),
        ]);
    }
    sheet.render()
}

pub(crate) fn users(context: &Context<'_>) -> Result<Answer, Failure> {
    let users = context.open()?.users()?;
    Answer::new(context, &users, || {
        if users.is_empty() {
            return "no users".to_owned();
        }
        let lines: Vec<String> = users.iter().map(|user| printable(user)).collect();
        lines.join("\n")
    })
}
