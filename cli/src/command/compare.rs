//! Comparing providers and models, and where the same use costs less.

use alwrity_metering::{
    Compare as Choice, Comparison, FindHints, HintScope, Hints as HintsView, Performance,
};
use clap::Args;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};
use crate::sheet::or_dash;

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The user
    user: String,
    /// The last UTC days, 1–731
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: i64,
    /// Also show how many calls took at most this long
    #[arg(long, value_name = "MS")]
    sla_ms: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct Hints {
    /// The user
    user: String,
    /// The use of the last UTC days, 1–731
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: i64,
    /// Name only models of the provider that was paid
    #[arg(long, conflicts_with = "all_providers")]
    same_provider: bool,
    /// Name models of any provider, also of those that the user has not used
    #[arg(long)]
    all_providers: bool,
}

pub(crate) fn run(args: &Compare, context: &Context<'_>) -> Result<Answer, Failure> {
    let choice = Choice { days: args.days, sla_ms: args.sla_ms };
    let comparison = context.open()?.compare(&args.user, &choice)?;
    Answer::new(context, &comparison, || show(&comparison, context))
}

fn show(comparison: &Comparison, context: &Context<'_>) -> String {
    let Comparison { user: _, first_day, last_day, sla_ms, lines } = comparison;
    if lines.providers.is_empty() {
        return format!("no calls from {first_day} to {last_day}");
    }
    let mut head = vec![Text("provider")];
    head.extend(MEASURES);
    head.extend([Number("p50_ms"), Number("p95_ms"), Number("p99_ms"), Number("within_sla")]);
    let mut providers = context.sheet(&head);
    for line in &lines.providers {
        let times = [line.p50_ms, line.p95_ms, line.p99_ms].map(or_dash);
        let within = or_dash(line.within_sla.map(|share| format!("{share}%")));
        let row = std::iter::once(line.provider.clone()).chain(measures(&line.performance));
        providers.row(row.chain(times).chain([within]));
    }
    let mut head = vec![Text("provider"), Text("model"), Text("operation")];
    head.extend(MEASURES);
    let mut models = context.sheet(&head);
    for line in &lines.models {
        let names = [line.provider.clone(), line.model.clone(), line.operation.to_string()];
        models.row(names.into_iter().chain(measures(&line.performance)));
    }
    let sla = sla_ms.map_or(String::new(), |ms| format!(", promised within {ms} ms"));
    format!("from {first_day} to {last_day}{sla}\n\n{}\n\n{}", providers.render(), models.render())
}

/// The columns of `measures`.
const MEASURES: [crate::sheet::Column; 9] = [
    Number("calls"),
    Number("tokens"),
    Number("cost"),
    Number("unpriced_calls"),
    Number("cost_share"),
    Number("cost_per_call"),
    Number("cost_per_1k_tokens"),
    Number("error_rate"),
    Number("avg_ms"),
];

fn measures(own: &Performance) -> [String; 9] {
    let dollars =
        |cost: Option<_>| or_dash(cost.map(|cost: alwrity_metering::Money| format!("${cost}")));
    [
        own.calls.to_string(),
        own.tokens.to_string(),
        dollars(Some(own.cost)),
        own.unpriced_calls.to_string(),
        or_dash(own.cost_share.map(|share| format!("{share}%"))),
        dollars(own.cost_per_call),
        dollars(own.cost_per_1k_tokens),
        format!("{}%", own.error_rate),
        or_dash(own.avg_response_time_ms),
    ]
}

pub(crate) fn hints(args: &Hints, context: &Context<'_>) -> Result<Answer, Failure> {
    let scope = match (args.same_provider, args.all_providers) {
        (true, _) => HintScope::SameProvider,
        (false, true) => HintScope::AllProviders,
        (false, false) => HintScope::UsedProviders,
    };
    let choice = FindHints { days: args.days, scope };
    let hints = context.open()?.hints(&args.user, &choice)?;
    Answer::new(context, &hints, || show_hints(&hints, context))
}

fn show_hints(hints: &HintsView, context: &Context<'_>) -> String {
    let HintsView { user: _, first_day, last_day, saving_max, hints } = hints;
    if hints.is_empty() {
        return format!("no cheaper model for the use from {first_day} to {last_day}");
    }
    let mut sheet = context.sheet(&[
        Text("used"),
        Text("operation"),
        Number("calls"),
        Number("cost"),
        Text("cheaper"),
        Number("would_cost"),
        Number("saving"),
        Number("saving_percent"),
    ]);
    for hint in hints {
        for (place, cheaper) in hint.cheaper.iter().enumerate() {
            let first = |text: String| if place == 0 { text } else { String::new() };
            sheet.row([
                first(format!("{} / {}", hint.provider, hint.model)),
                first(hint.operation.to_string()),
                first(hint.calls.to_string()),
                first(format!("${}", hint.cost)),
                format!("{} / {}", cheaper.provider, cheaper.model),
                format!("${}", cheaper.cost),
                format!("${}", cheaper.saving),
                format!("{}%", cheaper.saving_percentage),
            ]);
        }
    }
    format!(
        "from {first_day} to {last_day}, at the list prices of now\n\n{}\n\n\
         at most ${saving_max} less",
        sheet.render()
    )
}
