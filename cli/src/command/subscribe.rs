//! Subscriptions: putting a user on a plan.

use alwrity_metering::{BillingCycle, Timestamp};
use clap::Args;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;

#[derive(Debug, Args)]
pub(crate) struct Subscribe {
    /// The user
    user: String,
    /// The plan
    #[arg(long, value_name = "PLAN")]
    plan: String,
    /// How often the fee is due
    #[arg(long, value_name = "CYCLE", default_value = "monthly",
          value_parser = choice::<BillingCycle>())]
    cycle: BillingCycle,
    /// What periods are counted from [default: now at first, then what it was]
    #[arg(long, value_name = "TIME")]
    anchor: Option<Timestamp>,
    /// From when on it holds [default: now]
    #[arg(long, value_name = "TIME")]
    starts_at: Option<Timestamp>,
}

pub(crate) fn run(args: Subscribe, context: &Context<'_>) -> Result<Answer, Failure> {
    let Subscribe { user, plan: plan_id, cycle: billing_cycle, anchor, starts_at } = args;
    let wish = alwrity_metering::Subscribe { plan_id, billing_cycle, anchor, starts_at };
    let receipt = context.open()?.subscribe(&user, &wish)?;
    Answer::new(context, &receipt, || {
        let (usage, billing) = (receipt.usage_period, receipt.billing_period);
        context.facts([
            ("user", receipt.user.clone()),
            ("plan_id", receipt.plan_id.clone()),
            ("billing_cycle", receipt.billing_cycle.to_string()),
            ("status", receipt.status.to_string()),
            ("anchor", receipt.anchor.to_string()),
            ("starts_at", receipt.starts_at.to_string()),
            ("usage_period", format!("{} to {}", usage.starts_at, usage.ends_at)),
            ("billing_period", format!("{} to {}", billing.starts_at, billing.ends_at)),
            ("is_repeat", receipt.is_repeat.to_string()),
        ])
    })
}
