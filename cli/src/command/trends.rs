//! Trends: what a user used month by month, or day by day.

use alwrity_metering::Trends as View;
use clap::Args;

use crate::answer::Answer;
use crate::chart::{bar, sparkline};
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};

#[derive(Debug, Args)]
pub(crate) struct Trends {
    /// The user
    user: String,
    /// The last months, 1–24
    #[arg(long, value_name = "N", default_value_t = 6)]
    months: i64,
    /// The last UTC days instead, 1–731
    #[arg(long, value_name = "N", conflicts_with = "months")]
    days: Option<i64>,
}

/// How wide the bar of the dearest period is, in characters.
const BAR_WIDTH: usize = 24;

pub(crate) fn run(args: &Trends, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let trends = match args.days {
        Some(days) => meter.daily_trends(&args.user, days)?,
        None => meter.trends(&args.user, args.months)?,
    };
    Answer::new(context, &trends, || show(&trends, context))
}

fn show(trends: &View, context: &Context<'_>) -> String {
    let costs: Vec<i64> = trends.total_cost.iter().map(|cost| cost.pico_usd()).collect();
    let most = costs.iter().copied().max().unwrap_or(0);
    let mut sheet = context.sheet(&[
        Text("period"),
        Number("calls"),
        Number("tokens"),
        Number("cost"),
        Text(""),
    ]);
    for (place, period) in trends.periods.iter().enumerate() {
        sheet.row([
            period.clone(),
            trends.total_calls[place].to_string(),
            trends.total_tokens[place].to_string(),
            format!("${}", trends.total_cost[place]),
            bar(costs[place], most, BAR_WIDTH),
        ]);
    }
    let mut parts = vec![sheet.render()];
    if !trends.provider_trends.is_empty() {
        let mut sheet =
            context.sheet(&[Text("provider"), Number("calls"), Text("calls_by_period")]);
        for (provider, own) in &trends.provider_trends {
            let calls = own.calls.iter().sum::<i64>();
            sheet.row([provider.clone(), calls.to_string(), sparkline(&own.calls)]);
        }
        parts.push(sheet.render());
    }
    parts.join("\n\n")
}
