//! Prices: dated versions of what a provider charges.

use std::path::PathBuf;

use alwrity_metering::domain::catalogue_file::read_prices;
use alwrity_metering::{
    Matcher, Meter, Money, Operation, PriceVersion, PriceWarning, Rate, Timestamp, Unit, Variant,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;
use crate::sheet::Column::{Number, Text};

/// How many tokens a price of `--input` and `--output` is for.
const MILLION: i64 = 1_000_000;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Prices {
    /// Only prices of this provider
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Only prices whose model contains this text
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only prices that hold now, or at `--at`
    #[arg(long)]
    in_force: bool,
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Put prices from a file, or one price from flags
    Set(Set),
}

#[derive(Debug, Args)]
struct Set {
    /// A CSV file in the form of those under catalogue/prices
    #[arg(long, value_name = "FILE", conflicts_with_all = ["provider", "input", "output", "units"])]
    file: Option<PathBuf>,
    /// Who is paid
    #[arg(long, value_name = "PROVIDER", required_unless_present = "file")]
    provider: Option<String>,
    /// The model; without it, it is the price of the provider's other models
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// Dollars for a million input tokens
    #[arg(long, value_name = "PER_MILLION")]
    input: Option<Money>,
    /// Dollars for a million output tokens
    #[arg(long, value_name = "PER_MILLION")]
    output: Option<Money>,
    /// Dollars for another unit, such as `images=0.04` or `seconds=0.36/3600`; without PER, for a
    /// million of a token unit, else for one. May be repeated
    #[arg(long = "unit", value_name = "UNIT=AMOUNT[/PER]", value_parser = rate)]
    units: Vec<Rate>,
    /// The service tier
    #[arg(long, value_name = "VARIANT", default_value = "standard",
          value_parser = choice::<Variant>())]
    variant: Variant,
    /// How the model is compared [default: exact, or default without a model]
    #[arg(long, value_name = "MATCHER", value_parser = choice::<Matcher>())]
    matcher: Option<Matcher>,
    /// The operation, when the price is for one alone
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// The first instant that it holds for [default: now]
    #[arg(long, value_name = "TIME")]
    effective_from: Option<Timestamp>,
    /// Where the price is from
    #[arg(long, value_name = "TEXT", default_value = "operator")]
    source: String,
}

/// Reads `UNIT=AMOUNT` or `UNIT=AMOUNT/PER`.
fn rate(text: &str) -> Result<Rate, String> {
    let form = "expected `UNIT=AMOUNT` or `UNIT=AMOUNT/PER`, such as `images=0.04`";
    let (unit, price) = text.split_once('=').ok_or(form)?;
    let unit: Unit = unit.parse().map_err(|error: alwrity_metering::Error| error.to_string())?;
    let (amount, per) = match price.split_once('/') {
        Some((amount, per)) => (amount, per.parse().map_err(|_| form)?),
        None if unit.name().ends_with("_tokens") => (price, MILLION),
        None => (price, 1),
    };
    let amount = amount.parse().map_err(|error: alwrity_metering::Error| error.to_string())?;
    Ok(Rate { unit, above_input_tokens: 0, amount, per })
}

pub(crate) fn run(args: Prices, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    if let Some(Change::Set(set)) = args.change {
        return put(set, &meter, context);
    }
    let provider = args.provider.map(|provider| provider.trim().to_lowercase());
    let model = args.model.map(|model| model.trim().to_lowercase());
    let is_wanted = |version: &&PriceVersion| {
        provider.as_ref().is_none_or(|provider| version.provider == *provider)
            && model.as_ref().is_none_or(|model| version.model.contains(model.as_str()))
    };
    let catalogue = meter.catalogue()?;
    let versions: Vec<&PriceVersion> = if args.in_force {
        catalogue.prices.in_force(meter.now()).filter(is_wanted).collect()
    } else {
        catalogue.prices.versions().iter().filter(is_wanted).collect()
    };
    Answer::new(context, &versions, || show(&versions, context))
}

fn show(versions: &[&PriceVersion], context: &Context<'_>) -> String {
    if versions.is_empty() {
        return "no prices".to_owned();
    }
    let mut sheet = context.sheet(&[
        Number("id"),
        Text("provider"),
        Text("model"),
        Text("variant"),
        Text("operation"),
        Text("unit"),
        Number("above_input_tokens"),
        Number("amount"),
        Number("per"),
        Text("effective_from"),
        Text("source"),
    ]);
    for version in versions {
        for rate in &version.rates {
            sheet.row([
                version.id.to_string(),
                version.provider.clone(),
                model_text(version),
                version.variant.to_string(),
                version.operation.as_ref().map_or("any".to_owned(), ToString::to_string),
                rate.unit.to_string(),
                rate.above_input_tokens.to_string(),
                format!("${}", rate.amount),
                rate.per.to_string(),
                version.effective_from.to_string(),
                version.source.clone(),
            ]);
        }
    }
    sheet.render()
}

/// The model; a star stands for whatever follows.
fn model_text(version: &PriceVersion) -> String {
    match version.matcher {
        Matcher::Exact => version.model.clone(),
        Matcher::Prefix | Matcher::Default => format!("{}*", version.model),
    }
}

#[derive(Serialize)]
struct Put {
    versions: usize,
    warnings: Vec<PriceWarning>,
}

fn put(set: Set, meter: &Meter, context: &Context<'_>) -> Result<Answer, Failure> {
    let versions = match &set.file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::file("read", file, &error))?;
            read_prices(&file.display().to_string(), &text)?
        }
        None => vec![version(set, meter.now())?],
    };
    let put = Put { versions: versions.len(), warnings: meter.put_prices(&versions)? };
    let answer = Answer::new(context, &put, || match versions.as_slice() {
        [one] => format!("{} holds from {}", one.title(), one.effective_from),
        several => format!("put {} prices", several.len()),
    })?;
    Ok(put.warnings.iter().fold(answer, |answer, warning| {
        let PriceWarning { price, unit, message } = warning;
        answer.warns(format!("the price of `{price}`, `{unit}`, looks wrong: {message}"), None)
    }))
}

fn version(set: Set, now: Timestamp) -> Result<PriceVersion, Failure> {
    let per_million = |unit: Unit, amount: Option<Money>| {
        amount.map(|amount| Rate { unit, above_input_tokens: 0, amount, per: MILLION })
    };
    let rates: Vec<Rate> = per_million(Unit::InputTokens, set.input)
        .into_iter()
        .chain(per_million(Unit::OutputTokens, set.output))
        .chain(set.units)
        .collect();
    if rates.is_empty() {
        return Err(Failure::usage(
            "the price has no rates",
            "give `--input`, `--output` or `--unit UNIT=AMOUNT`",
        ));
    }
    let of_any_model = set.model.trim().is_empty();
    let matcher = if of_any_model { Matcher::Default } else { Matcher::Exact };
    Ok(PriceVersion {
        id: 0,
        provider: set.provider.unwrap_or_default(),
        matcher: set.matcher.unwrap_or(matcher),
        model: set.model.trim().to_lowercase(),
        variant: set.variant,
        operation: set.operation.as_deref().map(Operation::new).transpose()?,
        effective_from: set.effective_from.unwrap_or(now),
        source: set.source,
        rates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_what_it_is_for() {
        for (text, amount, per) in [
            ("images=0.04", "0.04", 1),
            ("seconds=0.36/3600", "0.36", 3600),
            ("cached_input_tokens=0.075", "0.075", MILLION),
            ("cached_input_tokens=0.000075/1000", "0.000075", 1000),
        ] {
            let rate = rate(text).unwrap();
            assert_eq!((rate.amount.to_string(), rate.per), (amount.to_owned(), per), "{text}");
        }
        for text in ["images", "images=", "images=0.04/x", "I=1", "images=1e-6"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
