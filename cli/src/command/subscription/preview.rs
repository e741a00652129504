//! Previews: what a change would do and cost, to the cent, before anything happens.

use alwrity_metering::{BillingCycle, CancelAt, Change, ChangePreview};
use clap::Args;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;
use crate::sheet::or_dash;

#[derive(Debug, Args)]
#[group(required = true, multiple = false, id = "wish")]
pub(crate) struct Wish {
    /// Go over to a dearer plan at once
    #[arg(long, value_name = "PLAN")]
    upgrade: Option<String>,
    /// Go over to a cheaper plan when the period ends
    #[arg(long, value_name = "PLAN")]
    downgrade: Option<String>,
    /// Start or change to a plan at once
    #[arg(long, value_name = "PLAN")]
    subscribe: Option<String>,
    /// Pay by the month or by the year
    #[arg(long, value_name = "CYCLE", value_parser = choice::<BillingCycle>())]
    change_cycle: Option<BillingCycle>,
    /// Pay one more fee
    #[arg(long)]
    renew: bool,
    /// End it when the period ends
    #[arg(long)]
    cancel: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The user
    user: String,
    #[command(flatten)]
    wish: Wish,
    /// How often the fee would be due, for `--upgrade` and `--subscribe`
    #[arg(long, value_name = "CYCLE", value_parser = choice::<BillingCycle>())]
    cycle: Option<BillingCycle>,
}

impl Preview {
    fn change(self) -> Change {
        let Wish { upgrade, downgrade, subscribe, change_cycle, renew, cancel: _ } = self.wish;
        if let Some(plan_id) = upgrade {
            Change::Upgrade { plan_id, billing_cycle: self.cycle }
        } else if let Some(plan_id) = downgrade {
            Change::Downgrade { plan_id }
        } else if let Some(plan_id) = subscribe {
            Change::Subscribe {
                plan_id,
                billing_cycle: self.cycle.unwrap_or(BillingCycle::Monthly),
                anchor: None,
                starts_at: None,
                auto_renew: true,
            }
        } else if let Some(billing_cycle) = change_cycle {
            Change::ChangeCycle { billing_cycle }
        } else if renew {
            Change::Renew
        } else {
            Change::Cancel { when: CancelAt::PeriodEnd }
        }
    }
}

pub(crate) fn preview(args: Preview, context: &Context<'_>) -> Result<Answer, Failure> {
    let user = args.user.clone();
    let preview = context.open()?.preview_change(&user, &args.change())?;
    Answer::new(context, &preview, || show(&preview, context))
}

fn show(preview: &ChangePreview, context: &Context<'_>) -> String {
    let (proration, billing) = (preview.proration, preview.billing_period);
    let plans = format!("{} -> {}", preview.current_plan_id, preview.plan_id);
    context.facts([
        ("user", preview.user.clone()),
        ("plan", plans),
        ("change", or_dash(preview.change)),
        ("starts_at", preview.starts_at.to_string()),
        ("billing_cycle", preview.billing_cycle.to_string()),
        ("billing_period", format!("{} to {}", billing.starts_at, billing.ends_at)),
        ("fee", format!("${}", preview.fee_usd)),
        ("credit", format!("${}", proration.credit_usd)),
        ("charge", format!("${}", proration.charge_usd)),
        ("due now", format!("${}", proration.due_usd)),
    ])
}
