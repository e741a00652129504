//! Quotes: what a call would cost.

use alwrity_metering::{CallRecord, Money, Timestamp};
use clap::Args;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::{Target, Used};
use crate::sheet::Column::{Number, Text};

#[derive(Debug, Args)]
pub(crate) struct Quote {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    used: Used,
    /// Price it as of this time [default: now]
    #[arg(long, value_name = "TIME")]
    occurred_at: Option<Timestamp>,
    /// How many calls it stands for
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: i64,
}

pub(crate) fn run(args: Quote, context: &Context<'_>) -> Result<Answer, Failure> {
    let Quote { target, used, occurred_at, count } = args;
    let Target { provider, model, operation, variant } = target;
    let call = CallRecord {
        operation,
        variant,
        occurred_at,
        call_count: count,
        ..CallRecord::new("", &provider, &model, used.usage()?)
    };
    let quote = context.open()?.quote(&call)?;
    let answer = Answer::new(context, &quote, || show(&quote, context))?;
    if quote.cost_usd.is_some() {
        return Ok(answer);
    }
    let message = format!("the price of `{}` / `{}` is unknown", quote.provider, quote.model);
    Ok(answer.warns(message, Some("add it with `prices set`")))
}

fn show(quote: &alwrity_metering::Quote, context: &Context<'_>) -> String {
    let mut facts = vec![
        ("cost", cost_text(quote.cost_usd)),
        ("provider", quote.provider.clone()),
        ("model", quote.model.clone()),
        ("operation", quote.operation.to_string()),
        ("price_match", quote.price_match.to_string()),
    ];
    if let Some(price) = &quote.price_version {
        let version = format!(
            "{} ({}), from {}, {}",
            price.id, price.variant, price.effective_from, price.source
        );
        facts.push(("price_version", version));
    }
    let facts = context.facts(facts);
    if quote.lines.is_empty() {
        return facts;
    }
    let mut sheet = context.sheet(&[
        Text("unit"),
        Number("quantity"),
        Number("amount"),
        Number("per"),
        Number("cost"),
    ]);
    for line in &quote.lines {
        sheet.row([
            line.unit.to_string(),
            line.quantity.to_string(),
            format!("${}", line.amount_usd),
            line.per.to_string(),
            format!("${}", line.cost_usd),
        ]);
    }
    format!("{facts}\n\n{}", sheet.render())
}

/// A cost for people, which may be unknown.
pub(crate) fn cost_text(cost: Option<Money>) -> String {
    cost.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost}"))
}
