//! Limits of a user: where they stand, and the user's own.

use alwrity_metering::{LimitChange, Metric, Policy, Timestamp, UserLimits, Window};
use clap::{Args, Subcommand};

use super::limits_text::limits_text;
use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Limits {
    /// The user; one that is named like a subcommand stands after `--`
    #[arg(required = true)]
    user: Option<String>,
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Give a user a limit of its own, in place of the plan's or on top of it
    Set(Box<Set>),
    /// End a user's own limits of that name: the plan's holds again
    Clear {
        /// The user
        user: String,
        /// The name of the limit
        name: String,
    },
}

#[derive(Debug, Args)]
struct Set {
    /// The user
    user: String,
    /// The name of the limit: `gemini_calls`, `monthly_cost`, or a new one with `--metric`
    name: String,
    /// `unlimited`, a count, or dollars where cost is counted
    maximum: String,
    /// Add to the plan's maximum instead of replacing it
    #[arg(long)]
    boost: bool,
    /// What is counted: `calls`, `tokens`, `cost_usd` or a unit; needed for a new name
    #[arg(long, value_name = "METRIC")]
    metric: Option<Metric>,
    /// Count only this provider
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Count only this operation
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// The window that is counted in
    #[arg(long, value_name = "WINDOW", value_parser = choice::<Window>())]
    window: Option<Window>,
    /// What happens above the maximum: `hard`, `soft` or `grace N%`
    #[arg(long, value_name = "POLICY")]
    policy: Option<Policy>,
    /// The percentages that raise an alert, such as `80,90,100`
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    thresholds: Option<Vec<u8>>,
    /// The first instant that it holds [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// The first instant that it no longer holds
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Set {
    fn split(self) -> (String, LimitChange) {
        let Self {
            user,
            name,
            maximum,
            boost: is_boost,
            metric,
            provider,
            operation,
            window,
            policy,
            thresholds,
            from: starts_at,
            until: ends_at,
            note,
        } = self;
        let change = LimitChange {
            name,
            maximum,
            is_boost,
            metric,
            provider,
            operation,
            window,
            policy,
            thresholds,
            starts_at,
            ends_at,
            note,
        };
        (user, change)
    }
}

pub(crate) fn run(args: Limits, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let limits = match args.change {
        None => meter.limits(&args.user.unwrap_or_default())?,
        Some(Change::Set(set)) => {
            let (user, change) = set.split();
            meter.set_limit(&user, &change)?
        }
        Some(Change::Clear { user, name }) => meter.clear_limit(&user, &name)?,
    };
    Answer::new(context, &limits, || show(&limits, context))
}

fn show(limits: &UserLimits, context: &Context<'_>) -> String {
    let facts = context.facts([
        ("user", limits.user.clone()),
        ("plan", format!("{} ({})", limits.plan_name, limits.plan_id)),
        ("starts_at", limits.usage_period.starts_at.to_string()),
        ("ends_at", limits.usage_period.ends_at.to_string()),
        ("usage_status", limits.usage_status.name().to_owned()),
    ]);
    format!("{facts}\n\n{}", limits_text(&limits.limits, context))
}
