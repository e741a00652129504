//! Calls: the log of a user.

use alwrity_metering::{CallFilter, CallPage, Page, PeriodChoice, Span, Timestamp};
use clap::Args;

use super::quote::cost_text;
use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};

#[derive(Debug, Args)]
pub(crate) struct Calls {
    /// The user
    user: String,
    /// How many calls are shown, at most 5000
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: i64,
    /// Only calls that were recorded before this one: the last id that was seen
    #[arg(long, value_name = "CALL_ID")]
    before_id: Option<i64>,
    /// Only calls of this provider
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Only calls of this operation
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// Only calls of this model
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only calls that ended with this HTTP status
    #[arg(long, value_name = "STATUS")]
    status_code: Option<i64>,
    /// Only calls whose cost is unknown
    #[arg(long)]
    unpriced: bool,
    /// Only calls within the running period (`current`), or within those that start in a month
    /// such as `2025-10`
    #[arg(long, value_name = "PERIOD", default_value = "all")]
    period: PeriodChoice,
}

pub(crate) fn run(args: Calls, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let (within, period_within) = match &args.period {
        PeriodChoice::All => (None, None),
        PeriodChoice::Current => (Some(meter.current_period(&args.user)?.usage_period), None),
        PeriodChoice::Month(label) => {
            let starts_at = Timestamp::from_month_label(label)?;
            (None, Some(Span { starts_at, ends_at: starts_at.plus_months(1) }))
        }
    };
    let filter = CallFilter {
        provider: args.provider,
        operation: args.operation,
        model: args.model,
        status_code: args.status_code,
        within,
        period_within,
        is_unpriced: args.unpriced,
    };
    let page = Page { before_id: args.before_id, offset: 0, limit: args.limit };
    let page = meter.calls(&args.user, &filter, page)?;
    Answer::new(context, &page, || show(&page, context))
}

fn show(page: &CallPage, context: &Context<'_>) -> String {
    let Some(last) = page.calls.last() else { return "no calls".to_owned() };
    let mut sheet = context.sheet(&[
        Number("id"),
        Text("occurred_at"),
        Text("provider"),
        Text("model"),
        Text("operation"),
        Number("input_tokens"),
        Number("output_tokens"),
        Number("status"),
        Number("cost"),
    ]);
    for call in &page.calls {
        sheet.row([
            call.id.to_string(),
            call.occurred_at.to_string(),
            call.provider.clone(),
            call.model.clone(),
            call.operation.to_string(),
            call.usage.get(&alwrity_metering::Unit::InputTokens).to_string(),
            call.usage.get(&alwrity_metering::Unit::OutputTokens).to_string(),
            call.status_code.to_string(),
            cost_text(call.cost),
        ]);
    }
    let shown = page.calls.len();
    format!(
        "{}\n\n{shown} of {} calls, the last with id {}",
        sheet.render(),
        page.total_count,
        last.id
    )
}
