//! Prices: dated versions of what a provider charges for each unit of a model.
//!
//! A version is a set of rates that applies from one instant on. A used version is never edited;
//! a newer one takes over at its own instant, so the past keeps its prices.

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::named::named;
use super::operation::Operation;
use super::time::Timestamp;
use super::usage::Unit;
use crate::error::{Error, Result};

named! {
    /// How a price finds its model.
    Matcher "matcher" {
        /// The model's id is the same.
        Exact = "exact",
        /// The model's id starts with this text.
        Prefix = "prefix",
        /// Any model of the provider that nothing else prices.
        Default = "default",
    }
}

named! {
    /// The service tier of a call, which providers price differently.
    Variant "variant" {
        /// The ordinary tier.
        Standard = "standard",
        /// Answered within hours.
        Batch = "batch",
        /// Cheaper and slower.
        Flex = "flex",
        /// Dearer and faster.
        Priority = "priority",
    }
}

named! {
    /// How the price of a call was found.
    PriceMatch "price_match" {
        /// By the model's own id.
        Exact = "exact",
        /// By an alias of the model.
        Alias = "alias",
        /// By the longest prefix of the model's id.
        Prefix = "prefix",
        /// By the provider's default price.
        ProviderDefault = "provider_default",
        /// By the price that the setting `unknown_price` names.
        NamedDefault = "named_default",
        /// Not at all: the cost is unknown, unless the vendor reported it.
        Unknown = "unknown",
    }
}

/// What one unit costs: `amount` for `per` units, in calls above a number of input tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The unit that is charged.
    pub unit: Unit,
    /// The context tier: the rate applies when the call has more input tokens than this.
    #[serde(default)]
    pub above_input_tokens: i64,
    /// The price of `per` units, in dollars. 0 means "included".
    #[serde(rename = "amount_usd")]
    pub amount: Money,
    /// How many units the amount is for: 1 000 000 for tokens, 1 for images.
    pub per: i64,
}

/// A dated set of rates for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceVersion {
    /// The row's id, 0 until it is stored.
    #[serde(default)]
    pub id: i64,
    /// Who is paid.
    pub provider: String,
    /// How `model` is compared.
    pub matcher: Matcher,
    /// The model's id or prefix, empty for the provider's default.
    pub model: String,
    /// The service tier.
    pub variant: Variant,
    /// The operation, when the price is for one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The first instant that it applies to.
    pub effective_from: Timestamp,
    /// Where the price is from.
    pub source: String,
    /// The rates.
    pub rates: Vec<Rate>,
}

/// A price that looks wrong but is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceWarning {
    /// Provider and model.
    pub price: String,
    /// The unit.
    pub unit: Unit,
    /// What looks wrong.
    pub message: String,
}

/// Token prices outside these bounds, per million, look like another scale.
const PER_MILLION_MIN: Money = Money::from_pico_usd(100_000_000);
const PER_MILLION_MAX: Money = Money::from_pico_usd(1_000_000_000_000_000);

impl PriceVersion {
    /// Provider, model and variant, for people.
    pub fn title(&self) -> String {
        let model = if self.model.is_empty() { "*" } else { &self.model };
        let star = if self.matcher == Matcher::Prefix { "*" } else { "" };
        match self.variant {
            Variant::Standard => format!("{} / {model}{star}", self.provider),
            variant => format!("{} / {model}{star} ({variant})", self.provider),
        }
    }

    /// Whether both are versions of the same price, at whatever instants.
    pub fn is_same_price(&self, other: &Self) -> bool {
        self.provider == other.provider
            && self.matcher == other.matcher
            && self.model == other.model
            && self.variant == other.variant
            && self.operation == other.operation
    }

    /// The rate of a unit in a call with that many input tokens.
    pub fn rate(&self, unit: &Unit, input_tokens: i64) -> Option<&Rate> {
        self.rates
            .iter()
            .filter(|rate| &rate.unit == unit)
            .filter(|rate| rate.above_input_tokens == 0 || input_tokens > rate.above_input_tokens)
            .max_by_key(|rate| rate.above_input_tokens)
    }

    /// Whether any tier charges the unit.
    pub fn charges(&self, unit: &Unit) -> bool {
        self.rates.iter().any(|rate| &rate.unit == unit)
    }

    /// Checks what can never be right; what only looks wrong comes back as warnings.
    ///
    /// # Errors
    /// [`Error::InvalidPrice`] for a negative amount, no rates, two rates of one unit and tier, a
    /// matcher that contradicts the model, or a model charged per image and again per request.
    pub fn validate(&self) -> Result<Vec<PriceWarning>> {
        let invalid = |reason: String| Err(Error::InvalidPrice { price: self.title(), reason });
        if self.model.is_empty() != (self.matcher == Matcher::Default) {
            return invalid("only a provider's default price has no model".into());
        }
        if self.rates.is_empty() {
            return invalid("it has no rates".into());
        }
        for (index, rate) in self.rates.iter().enumerate() {
            if rate.amount < Money::ZERO || rate.per <= 0 || rate.above_input_tokens < 0 {
                return invalid(format!("the rate of `{}` is negative", rate.unit));
            }
            let is_twice = self.rates[..index].iter().any(|earlier| {
                earlier.unit == rate.unit && earlier.above_input_tokens == rate.above_input_tokens
            });
            if is_twice {
                return invalid(format!("`{}` has two rates in one tier", rate.unit));
            }
        }
        let charged = |unit: Unit| {
            self.rates.iter().any(|rate| rate.unit == unit && rate.amount > Money::ZERO)
        };
        if charged(Unit::Images) && charged(Unit::Requests) {
            return invalid("an image would be charged again per request".into());
        }
        Ok(self.rates.iter().filter_map(|rate| self.warning(rate)).collect())
    }

    fn warning(&self, rate: &Rate) -> Option<PriceWarning> {
        if !rate.unit.name().ends_with("_tokens") || rate.amount == Money::ZERO {
            return None;
        }
        let per_million = rate.amount.charge(1_000_000, rate.per).unwrap_or(Money::MAX);
        if (PER_MILLION_MIN..=PER_MILLION_MAX).contains(&per_million) {
            return None;
        }
        Some(PriceWarning {
            price: self.title(),
            unit: rate.unit.clone(),
            message: format!(
                "{per_million} USD per million tokens is outside 0.0001–1000: \
                 is the price meant per million (`per` = 1000000), or per token?"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn version(rates: Vec<Rate>) -> PriceVersion {
        PriceVersion {
            id: 0,
            provider: "openai".into(),
            matcher: Matcher::Exact,
            model: "m".into(),
            variant: Variant::Standard,
            operation: None,
            effective_from: Timestamp::MIN,
            source: "test".into(),
            rates,
        }
    }

    fn rate(unit: Unit, above: i64, amount: &str, per: i64) -> Rate {
        Rate { unit, above_input_tokens: above, amount: amount.parse().unwrap(), per }
    }

    #[test]
    fn a_context_tier_applies_above_its_bound() {
        let price = version(vec![
            rate(Unit::InputTokens, 0, "1.25", 1_000_000),
            rate(Unit::InputTokens, 200_000, "2.50", 1_000_000),
        ]);
        let amount = |tokens| price.rate(&Unit::InputTokens, tokens).unwrap().amount.to_string();
        assert_eq!(amount(200_000), "1.25");
        assert_eq!(amount(200_001), "2.5");
        assert!(price.rate(&Unit::OutputTokens, 1).is_none());
    }

    #[test]
    fn regression_20_a_price_typed_on_the_wrong_scale_warns() {
        for (amount, per) in [("0.15", 1), ("0.00000015", 1_000_000), ("2000", 1_000_000)] {
            let warnings =
                version(vec![rate(Unit::InputTokens, 0, amount, per)]).validate().unwrap();
            assert_eq!(warnings.len(), 1, "{amount} per {per}");
        }
        for (amount, per) in [("0.15", 1_000_000), ("0.00000015", 1), ("0", 1)] {
            let price = version(vec![rate(Unit::InputTokens, 0, amount, per)]);
            assert_eq!(price.validate().unwrap(), vec![], "{amount} per {per}");
        }
    }

    #[test]
    fn regression_21_an_image_is_not_charged_again_per_request() {
        let both = vec![rate(Unit::Images, 0, "0.04", 1), rate(Unit::Requests, 0, "0.04", 1)];
        assert_eq!(version(both).validate().unwrap_err().code(), "invalid_price");
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(version(vec![]).validate().is_err());
        assert!(version(vec![rate(Unit::Pages, 0, "-1", 1)]).validate().is_err());
        let twice = vec![rate(Unit::Pages, 0, "1", 1), rate(Unit::Pages, 0, "2", 1)];
        assert!(version(twice).validate().is_err());
    }
}
