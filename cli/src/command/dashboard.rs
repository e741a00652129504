//! The dashboard: a user's running period at one glance.

use alwrity_metering::{Dashboard as View, LimitProjection};
use clap::Args;

use super::alerts::alerts_text;
use crate::answer::Answer;
use crate::chart::bar;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};
use crate::sheet::or_dash;

#[derive(Debug, Args)]
pub(crate) struct Dashboard {
    /// The user
    user: String,
}

/// How wide the bar of a limit is, in characters.
const BAR_WIDTH: usize = 20;

pub(crate) fn run(args: &Dashboard, context: &Context<'_>) -> Result<Answer, Failure> {
    let dashboard = context.open()?.dashboard(&args.user)?;
    Answer::new(context, &dashboard, || show(&dashboard, context))
}

fn show(dashboard: &View, context: &Context<'_>) -> String {
    let usage = &dashboard.current_usage;
    let projections = &dashboard.projections;
    let of_limit = projections
        .projected_usage_percentage
        .map(|share| format!(" ({share}% of ${})", or_dash(projections.cost_limit)));
    let mut parts = vec![context.facts([
        ("user", dashboard.user.clone()),
        ("plan", format!("{} ({})", dashboard.limits.plan_name, dashboard.limits.plan_id)),
        (
            "usage_period",
            format!("{} to {}", usage.usage_period.starts_at, usage.usage_period.ends_at),
        ),
        ("usage_status", usage.usage_status.name().to_owned()),
        ("total_calls", usage.total_calls.to_string()),
        ("total_tokens", usage.total_tokens.to_string()),
        ("total_cost", format!("${}", usage.total_cost)),
        ("unpriced_calls", usage.unpriced_calls.to_string()),
        ("error_rate", format!("{}%", usage.error_rate)),
        (
            "projected_monthly_cost",
            format!("${}{}", projections.projected_monthly_cost, of_limit.unwrap_or_default()),
        ),
        ("by_last_7_days", format!("${}", projections.projected_monthly_cost_by_last_7_days)),
    ])];
    if !usage.provider_breakdown.is_empty() {
        parts.push(super::usage::breakdown_text("provider", &usage.provider_breakdown, context));
    }
    let limits = limits_text(dashboard, context);
    parts.extend(limits);
    if !dashboard.alerts.is_empty() {
        let text = alerts_text(&dashboard.alerts, context);
        parts.push(format!("{text}\n\n{} unread alerts", dashboard.unread_alerts));
    }
    parts.join("\n\n")
}

/// The limits of the period that are used or heading somewhere, the fullest first.
fn limits_text(dashboard: &View, context: &Context<'_>) -> Option<String> {
    let mut limits: Vec<&LimitProjection> =
        dashboard.projections.limits.iter().filter(|own| own.used.number() > 0).collect();
    if limits.is_empty() {
        return None;
    }
    let share = |own: &LimitProjection| {
        let name = if own.name == "monthly_cost" { "cost" } else { own.name.as_str() };
        dashboard.usage_percentages.get(name).copied().unwrap_or_default()
    };
    limits.sort_by(|one, other| share(other).total_cmp(&share(one)));
    let mut sheet = context.sheet(&[
        Text("limit"),
        Text(""),
        Number("used_percent"),
        Number("used"),
        Number("maximum"),
        Number("projected"),
        Text("reached_at"),
    ]);
    for own in limits {
        sheet.row([
            own.name.clone(),
            bar(own.used.number(), own.maximum.number(), BAR_WIDTH),
            format!("{}%", share(own)),
            own.used.to_string(),
            own.maximum.to_string(),
            own.projected.to_string(),
            or_dash(own.reached_at),
        ]);
    }
    Some(sheet.render())
}
