//! Subscriptions: starting, changing and ending them, by an operator.

mod history;
mod preview;

use alwrity_metering::{
    BillingCycle, CancelAt, ExternalIds, Payment, Subscribe as Wish, SubscriptionReceipt, Timestamp,
};
use clap::Args;

pub(crate) use history::{History, history};
pub(crate) use preview::{Preview, preview};

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;
use crate::sheet::or_dash;

/// How a change is paid for; an operator who says nothing waives it.
#[derive(Debug, Args)]
pub(crate) struct Paid {
    /// The host's reference of the payment
    #[arg(long, value_name = "REFERENCE", conflicts_with_all = ["waive", "unpaid"])]
    payment: Option<String>,
    /// Why nobody pays for this change
    #[arg(long, value_name = "REASON", default_value = "operator", conflicts_with = "unpaid")]
    waive: String,
    /// Let it wait for its payment: it grants nothing until `confirm`
    #[arg(long)]
    unpaid: bool,
}

impl From<Paid> for Payment {
    fn from(paid: Paid) -> Self {
        match paid {
            Paid { payment: Some(reference), .. } => Self::Reference(reference),
            Paid { unpaid: true, .. } => Self::Pending,
            Paid { waive, .. } => Self::Waived(waive),
        }
    }
}

/// The host's names of things outside.
#[derive(Debug, Args)]
pub(crate) struct External {
    /// The customer at Stripe
    #[arg(long, value_name = "ID")]
    stripe_customer_id: Option<String>,
    /// The subscription at Stripe
    #[arg(long, value_name = "ID")]
    stripe_subscription_id: Option<String>,
    /// How the user pays, for people: `card`
    #[arg(long, value_name = "TEXT")]
    payment_method: Option<String>,
}

impl From<External> for ExternalIds {
    fn from(external: External) -> Self {
        let External { stripe_customer_id, stripe_subscription_id, payment_method } = external;
        Self { stripe_customer_id, stripe_subscription_id, payment_method }
    }
}

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
    /// End with the billing period, unless it is renewed by hand
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    paid: Paid,
    #[command(flatten)]
    external: External,
}

pub(crate) fn subscribe(args: Subscribe, context: &Context<'_>) -> Result<Answer, Failure> {
    let wish = Wish {
        plan_id: args.plan,
        billing_cycle: args.cycle,
        anchor: args.anchor,
        starts_at: args.starts_at,
        payment: args.paid.into(),
        auto_renew: !args.once,
        external: args.external.into(),
    };
    show(&context.open()?.subscribe(&args.user, &wish)?, context)
}

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// The user
    user: String,
    /// The host's reference of the payment
    #[arg(long, value_name = "REFERENCE")]
    payment: String,
    #[command(flatten)]
    external: External,
}

pub(crate) fn confirm(args: Confirm, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    show(&meter.confirm_payment(&args.user, &args.payment, args.external.into())?, context)
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The user
    user: String,
    #[command(flatten)]
    paid: Paid,
}

pub(crate) fn renew(args: Renew, context: &Context<'_>) -> Result<Answer, Failure> {
    show(&context.open()?.renew(&args.user, args.paid.into())?, context)
}

#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// The user
    user: String,
    /// The dearer plan
    #[arg(long, value_name = "PLAN")]
    plan: String,
    /// How often the fee is due [default: as before]
    #[arg(long, value_name = "CYCLE", value_parser = choice::<BillingCycle>())]
    cycle: Option<BillingCycle>,
    #[command(flatten)]
    paid: Paid,
}

pub(crate) fn upgrade(args: Upgrade, context: &Context<'_>) -> Result<Answer, Failure> {
    let Upgrade { user, plan, cycle, paid } = args;
    show(&context.open()?.upgrade(&user, &plan, cycle, paid.into())?, context)
}

#[derive(Debug, Args)]
pub(crate) struct Downgrade {
    /// The user
    user: String,
    /// The cheaper plan
    #[arg(long, value_name = "PLAN")]
    plan: String,
}

pub(crate) fn downgrade(args: &Downgrade, context: &Context<'_>) -> Result<Answer, Failure> {
    show(&context.open()?.downgrade(&args.user, &args.plan)?, context)
}

#[derive(Debug, Args)]
pub(crate) struct ChangeCycle {
    /// The user
    user: String,
    /// How often the fee is due
    #[arg(long, value_name = "CYCLE", value_parser = choice::<BillingCycle>())]
    cycle: BillingCycle,
    #[command(flatten)]
    paid: Paid,
}

pub(crate) fn change_cycle(args: ChangeCycle, context: &Context<'_>) -> Result<Answer, Failure> {
    let ChangeCycle { user, cycle, paid } = args;
    show(&context.open()?.change_cycle(&user, cycle, paid.into())?, context)
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The user
    user: String,
    /// End it at once, not when what was paid for ends
    #[arg(long)]
    now: bool,
}

pub(crate) fn cancel(args: &Cancel, context: &Context<'_>) -> Result<Answer, Failure> {
    let when = if args.now { CancelAt::Now } else { CancelAt::PeriodEnd };
    show(&context.open()?.cancel(&args.user, when)?, context)
}

#[derive(Debug, Args)]
pub(crate) struct PastDue {
    /// The user
    user: String,
    /// The first instant that the plan is no longer granted
    #[arg(long, value_name = "TIME")]
    grace_until: Timestamp,
}

pub(crate) fn past_due(args: &PastDue, context: &Context<'_>) -> Result<Answer, Failure> {
    show(&context.open()?.mark_past_due(&args.user, args.grace_until)?, context)
}

/// A command about a user alone.
#[derive(Debug, Args)]
pub(crate) struct OfUser {
    /// The user
    pub(crate) user: String,
}

pub(crate) fn suspend(args: &OfUser, context: &Context<'_>) -> Result<Answer, Failure> {
    show(&context.open()?.suspend(&args.user)?, context)
}

pub(crate) fn resume(args: &OfUser, context: &Context<'_>) -> Result<Answer, Failure> {
    show(&context.open()?.resume(&args.user)?, context)
}

pub(crate) fn withdraw(args: &OfUser, context: &Context<'_>) -> Result<Answer, Failure> {
    show(&context.open()?.withdraw_change(&args.user)?, context)
}

fn show(receipt: &SubscriptionReceipt, context: &Context<'_>) -> Result<Answer, Failure> {
    Answer::new(context, receipt, || {
        let (usage, billing) = (receipt.usage_period, receipt.billing_period);
        context.facts([
            ("user", receipt.user.clone()),
            ("plan_id", receipt.plan_id.clone()),
            ("billing_cycle", receipt.billing_cycle.to_string()),
            ("status", receipt.status.to_string()),
            ("change", or_dash(receipt.change)),
            ("anchor", receipt.anchor.to_string()),
            ("starts_at", receipt.starts_at.to_string()),
            ("usage_period", format!("{} to {}", usage.starts_at, usage.ends_at)),
            ("billing_period", format!("{} to {}", billing.starts_at, billing.ends_at)),
            ("auto_renew", receipt.auto_renew.to_string()),
            ("grants_until", or_dash(receipt.grants_until)),
            ("cost", format!("${}", receipt.proration.due_usd)),
            ("payment_status", receipt.payment_status.to_string()),
            ("is_repeat", receipt.is_repeat.to_string()),
        ])
    })
}
