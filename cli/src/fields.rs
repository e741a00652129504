//! Fields: the groups of flags that several commands share, named as the library names them.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::str::FromStr;

use alwrity_metering::{
    BillingCycle, CallDetails, CallOutcome, Matcher, Money, Result, Unit, Usage, UsageSource,
    Variant, Window,
};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// A value with one stable name, offered by completions and named in errors.
pub(crate) trait Choice: FromStr<Err: StdError + Send + Sync> + Clone + Send + Sync {
    /// The names of all values.
    fn names() -> Vec<&'static str>;
}

macro_rules! choices {
    ($($name:ident),+) => {
        $(impl Choice for $name {
            fn names() -> Vec<&'static str> {
                Self::ALL.iter().map(|one| one.name()).collect()
            }
        })+
    };
}
choices!(BillingCycle, Matcher, Variant, Window);

impl Choice for UsageSource {
    /// Without that of an expired hold, which only the library itself records.
    fn names() -> Vec<&'static str> {
        vec![Self::Reported.name(), Self::Estimated.name()]
    }
}

/// Reads one of the names of a choice.
pub(crate) fn choice<T: Choice + 'static>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::names()).try_map(|name| name.parse::<T>())
}

/// Who is paid, and for what.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// Who is paid: `gemini`, `openai`, `tavily`
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: String,
    /// The model, when there is one
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    pub(crate) model: String,
    /// What is done, such as `chat` or `search`; without it, what the catalogue says
    #[arg(long, value_name = "OPERATION")]
    pub(crate) operation: Option<String>,
    /// The service tier
    #[arg(long, value_name = "VARIANT", default_value = "standard",
          value_parser = choice::<Variant>())]
    pub(crate) variant: Variant,
}

/// What was used.
#[derive(Clone, Debug, Args)]
pub(crate) struct Used {
    /// Tokens of the prompt, cached ones included
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) input_tokens: i64,
    /// Tokens of the answer, reasoning included
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) output_tokens: i64,
    /// A quantity of any unit, such as `images=4`; may be repeated
    #[arg(long = "unit", value_name = "UNIT=N", value_parser = quantity)]
    pub(crate) units: Vec<(Unit, i64)>,
}

impl Used {
    /// All quantities together.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::tokens(self.input_tokens, self.output_tokens).plus(&added(&self.units)?)
    }
}

/// The sum of quantities.
pub(crate) fn added(units: &[(Unit, i64)]) -> Result<Usage> {
    units.iter().try_fold(Usage::none(), |sum, (unit, quantity)| {
        sum.plus(&Usage::of(unit.clone(), *quantity))
    })
}

/// Reads `UNIT=N`.
pub(crate) fn quantity(text: &str) -> Result<(Unit, i64), String> {
    let (unit, number) =
        text.split_once('=').ok_or("expected `UNIT=N`, such as `images=4`".to_owned())?;
    let unit = unit.parse::<Unit>().map_err(|error| error.to_string())?;
    let number = number
        .parse()
        .map_err(|_| format!("expected a whole number of `{unit}`, not `{number}`"))?;
    Ok((unit, number))
}

/// How a call turned out.
#[derive(Clone, Debug, Args)]
pub(crate) struct Outcome {
    #[command(flatten)]
    pub(crate) used: Used,
    /// Where the usage is from
    #[arg(long, value_name = "SOURCE", default_value = "reported",
          value_parser = choice::<UsageSource>())]
    pub(crate) usage_source: UsageSource,
    /// What the vendor says it cost, in dollars; it wins over the list price
    #[arg(long, value_name = "USD")]
    pub(crate) vendor_cost_usd: Option<Money>,
    /// The HTTP status of the provider's answer
    #[arg(long, value_name = "STATUS", default_value_t = 200)]
    pub(crate) status_code: i64,
    #[command(flatten)]
    pub(crate) details: Details,
}

impl TryFrom<Outcome> for CallOutcome {
    type Error = alwrity_metering::Error;

    fn try_from(outcome: Outcome) -> Result<Self> {
        let Outcome { used, usage_source, vendor_cost_usd, status_code, details } = outcome;
        let details = details.into();
        Ok(Self { usage: used.usage()?, usage_source, vendor_cost_usd, status_code, details })
    }
}

/// What the log keeps beside the usage.
#[derive(Clone, Debug, Args)]
pub(crate) struct Details {
    /// Who really answered, when the provider is a gateway
    #[arg(long, value_name = "PROVIDER")]
    actual_provider: Option<String>,
    /// The path or URL that was called
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The HTTP method
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// How long the provider took
    #[arg(long, value_name = "MS")]
    response_time_ms: Option<i64>,
    /// The size of the request
    #[arg(long, value_name = "BYTES")]
    request_size_bytes: Option<i64>,
    /// The size of the response
    #[arg(long, value_name = "BYTES")]
    response_size_bytes: Option<i64>,
    /// How often it was retried before this answer
    #[arg(long, value_name = "N", default_value_t = 0)]
    retry_count: i64,
    /// The error text; it is redacted and cut before it is kept
    #[arg(long, value_name = "TEXT")]
    error_message: Option<String>,
    /// The caller's address; give it only if it may be kept
    #[arg(long, value_name = "IP")]
    ip_address: Option<String>,
    /// The caller's user agent; give it only if it may be kept
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// A free tag; may be repeated
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
}

impl From<Details> for CallDetails {
    fn from(details: Details) -> Self {
        let Details {
            actual_provider,
            endpoint,
            method,
            response_time_ms,
            request_size_bytes,
            response_size_bytes,
            retry_count,
            error_message,
            ip_address,
            user_agent,
            tags,
        } = details;
        let tags: BTreeMap<String, String> = tags.into_iter().collect();
        Self {
            actual_provider,
            endpoint,
            method,
            response_time_ms,
            request_size_bytes,
            response_size_bytes,
            retry_count,
            error_message,
            ip_address,
            user_agent,
            tags,
        }
    }
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected `NAME=VALUE`".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_added() {
        assert_eq!(quantity("images=4").unwrap(), (Unit::Images, 4));
        for text in ["images", "images=", "images=1.5", "Images=1", "=3"] {
            assert!(quantity(text).is_err(), "{text}");
        }
        let units = vec![(Unit::InputTokens, 5), (Unit::Images, 1), (Unit::Images, 2)];
        let used = Used { input_tokens: 10, output_tokens: 2, units };
        assert_eq!(used.usage().unwrap(), Usage::tokens(15, 2).with(Unit::Images, 3));
    }

    #[test]
    fn a_tag_may_contain_an_equals_sign() {
        assert_eq!(tag("q=a=b").unwrap(), ("q".to_owned(), "a=b".to_owned()));
        assert!(tag("q").is_err());
    }
}
