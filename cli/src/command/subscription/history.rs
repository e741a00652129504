//! How a subscription stands, and what has happened to it.

use alwrity_metering::{ChangeKind, HistoryPage, Page, ScheduledChange, SubscriptionView};
use clap::Args;
use serde::Serialize;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};
use crate::sheet::or_dash;

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The user
    user: String,
    /// The most lines that are shown, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: i64,
    /// How many of the newest to leave out
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: i64,
}

#[derive(Serialize)]
struct Told {
    subscription: SubscriptionView,
    #[serde(flatten)]
    page: HistoryPage,
}

pub(crate) fn history(args: &History, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let page = Page { before_id: None, offset: args.offset, limit: args.limit };
    let told = Told {
        subscription: meter.subscription(&args.user)?,
        page: meter.subscription_history(&args.user, page)?,
    };
    Answer::new(context, &told, || {
        let standing = standing(&told.subscription, context);
        if told.page.entries.is_empty() {
            return standing;
        }
        format!("{standing}\n\n{}", entries(&told.page, context))
    })
}

fn standing(view: &SubscriptionView, context: &Context<'_>) -> String {
    let billing = view.billing_period;
    let next = |change: &Option<ScheduledChange>| or_dash(change.as_ref().map(change_text));
    context.facts([
        ("user", view.user.clone()),
        ("plan", format!("{} ({})", view.plan_name, view.plan_id)),
        ("status", or_dash(view.status)),
        ("billing_cycle", view.billing_cycle.to_string()),
        ("billing_period", format!("{} to {}", billing.starts_at, billing.ends_at)),
        ("renews_at", or_dash(view.renews_at)),
        ("grants_until", or_dash(view.grants_until)),
        ("scheduled", next(&view.scheduled)),
        ("waits for payment", next(&view.pending)),
    ])
}

fn change_text(next: &ScheduledChange) -> String {
    match next.change {
        ChangeKind::Cancellation => format!("{} at {}", next.change, next.starts_at),
        change => format!("{change} to {} at {}", next.plan_id, next.starts_at),
    }
}

fn entries(page: &HistoryPage, context: &Context<'_>) -> String {
    let mut sheet = context.sheet(&[
        Text("when"),
        Text("change"),
        Text("plan"),
        Text("before"),
        Text("period"),
        Number("amount"),
        Text("payment"),
        Number("calls before"),
        Number("cost before"),
    ]);
    for entry in &page.entries {
        let period = entry.new_period;
        let used = entry.usage_before.as_ref();
        sheet.row([
            entry.created_at.to_string(),
            entry.change.to_string(),
            entry.plan_id.clone(),
            or_dash(entry.previous_plan_id.clone()),
            format!("{} to {}", period.starts_at.day_label(), period.ends_at.day_label()),
            format!("${}", entry.payment.amount_usd),
            entry.payment.status.to_string(),
            or_dash(used.map(|used| used.total_calls)),
            or_dash(used.map(|used| format!("${}", used.total_cost_usd))),
        ]);
    }
    sheet.render()
}
