//! Plans and limits: what a user may use, and for how much.
//!
//! A limit is metric × scope × window × maximum × policy. "No limit" and "0, not in the plan" are
//! two different things: the first is `Maximum::Unlimited`, the second `Maximum::AtMost(0)`.

use std::fmt;
use std::str::FromStr;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::limit::Amount;
use super::money::Money;
use super::name;
use super::named::named;
use super::operation::Operation;
use super::time::Window;
use super::usage::Unit;
use crate::error::{Error, Result, shown};

/// What a limit counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Recorded calls, without failed ones that used nothing.
    Calls,
    /// Input and output tokens.
    Tokens,
    /// Cost, in pico-dollars.
    Cost,
    /// The quantity of one unit.
    Unit(Unit),
}

impl Metric {
    /// The name: `calls`, `tokens`, `cost_usd`, or the unit's.
    pub fn name(&self) -> &str {
        match self {
            Self::Calls => "calls",
            Self::Tokens => "tokens",
            Self::Cost => "cost_usd",
            Self::Unit(unit) => unit.name(),
        }
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "calls" => Ok(Self::Calls),
            "tokens" => Ok(Self::Tokens),
            "cost" | "cost_usd" => Ok(Self::Cost),
            unit => unit.parse().map(Self::Unit),
        }
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The most that a limit allows in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Maximum {
    /// No limit.
    Unlimited,
    /// At most that many calls, tokens, units, or pico-dollars for cost. 0: "not in the plan".
    AtMost(i64),
}

impl Maximum {
    /// The number, or nothing when unlimited.
    pub const fn bound(self) -> Option<i64> {
        match self {
            Self::Unlimited => None,
            Self::AtMost(maximum) => Some(maximum),
        }
    }

    /// From a number, or nothing for unlimited.
    pub fn from_bound(bound: Option<i64>) -> Self {
        bound.map_or(Self::Unlimited, Self::AtMost)
    }

    /// Reads `unlimited`, or a number: dollars for a cost limit, else a whole count.
    pub fn parse(text: &str, metric: &Metric) -> Result<Self> {
        let invalid = || Error::InvalidArgument {
            name: "maximum",
            value: shown(text),
            expected: "`unlimited`, 0 or a positive number".into(),
        };
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let bound = match metric {
            Metric::Cost => text.parse::<Money>()?.pico_usd(),
            _ => text.parse::<i64>().map_err(|_| invalid())?,
        };
        if bound < 0 { Err(invalid()) } else { Ok(Self::AtMost(bound)) }
    }

    /// The number as a limit of that metric shows it, `unlimited` without one.
    pub fn shown(self, metric: &Metric) -> String {
        self.bound()
            .map_or_else(|| "unlimited".to_owned(), |bound| amount_text(metric, bound.into()))
    }
}

/// A quantity of a metric as decimal text: dollars for cost, a whole number for the rest.
pub(crate) fn amount_text(metric: &Metric, amount: i128) -> String {
    match (metric, i64::try_from(amount)) {
        (Metric::Cost, Ok(pico)) => Money::from_pico_usd(pico).to_string(),
        (Metric::Cost, Err(_)) => format!("{amount}e-12"),
        _ => amount.to_string(),
    }
}

/// What happens to a call that passes the maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It is refused.
    #[default]
    Hard,
    /// It is allowed; alerts and the status tell.
    Soft,
    /// It is refused above the maximum plus this percentage of it, from 1 to 100.
    Grace(u8),
}

impl Policy {
    /// The largest use that still fits, or nothing when everything does.
    pub fn ceiling(self, maximum: Maximum) -> Option<i128> {
        let bound = i128::from(maximum.bound()?);
        match self {
            Self::Hard => Some(bound),
            Self::Soft => None,
            Self::Grace(percent) => Some(bound * (100 + i128::from(percent)) / 100),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hard => f.pad("hard"),
            Self::Soft => f.pad("soft"),
            Self::Grace(percent) => f.pad(&format!("grace {percent}%")),
        }
    }
}

impl FromStr for Policy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let grace = || {
            let percent = text.strip_prefix("grace")?.trim().trim_end_matches('%');
            percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self::Grace)
        };
        match text {
            "hard" => Ok(Self::Hard),
            "soft" => Ok(Self::Soft),
            _ => grace().ok_or_else(|| Error::InvalidName {
                field: "policy",
                value: shown(text),
                expected: "`hard`, `soft` or `grace N%` with N from 1 to 100",
            }),
        }
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The share of a maximum, in percent, whose crossing raises an alert.
pub const THRESHOLDS: [u8; 3] = [80, 90, 100];

/// One limit of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name, unique in the plan: `gemini_calls`, `monthly_cost`.
    pub name: String,
    /// What is counted.
    pub metric: Metric,
    /// Only this provider, or all.
    pub provider: Option<String>,
    /// Only this operation, or all.
    pub operation: Option<Operation>,
    /// The window.
    pub window: Window,
    /// The maximum.
    pub maximum: Maximum,
    /// What happens above it.
    pub policy: Policy,
    /// Alert thresholds in percent of the maximum, ascending, from 1 to 200.
    pub thresholds: Vec<u8>,
}

/// JSON shows a maximum of nothing as no limit, one of cost as dollars.
impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self { name, metric, provider, operation, window, maximum, policy, thresholds } = self;
        let maximum = maximum.bound().map(|bound| Amount::new(metric, bound.into()));
        let mut fields = serializer.serialize_struct("Limit", 8)?;
        fields.serialize_field("name", name)?;
        fields.serialize_field("metric", metric)?;
        fields.serialize_field("provider", provider)?;
        fields.serialize_field("operation", operation)?;
        fields.serialize_field("window", window)?;
        fields.serialize_field("maximum", &maximum)?;
        fields.serialize_field("policy", policy)?;
        fields.serialize_field("thresholds", thresholds)?;
        fields.end()
    }
}

impl Limit {
    /// A hard limit over the usage period, on everything.
    pub fn new(name: &str, metric: Metric, maximum: Maximum) -> Result<Self> {
        Ok(Self {
            name: name::normalised("limit", name)?,
            metric,
            provider: None,
            operation: None,
            window: Window::Period,
            maximum,
            policy: Policy::Hard,
            thresholds: THRESHOLDS.to_vec(),
        })
    }

    /// The same limit for one provider alone.
    pub fn for_provider(mut self, provider: &str) -> Result<Self> {
        self.provider = Some(name::normalised("provider", provider)?);
        Ok(self)
    }

    /// The same limit for one operation alone.
    #[must_use]
    pub fn for_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// The same limit in another window.
    #[must_use]
    pub fn per(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// The same limit with another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Whether a call of that provider and operation counts.
    pub fn covers(&self, provider: &str, operation: &Operation) -> bool {
        self.provider.as_deref().is_none_or(|own| own == provider)
            && self.operation.as_ref().is_none_or(|own| own == operation)
    }
}

named! {
    /// The rank of a plan.
    Tier "tier" {
        /// Without a fee.
        Free = "free",
        /// The first paid one.
        Basic = "basic",
        /// The second.
        Pro = "pro",
        /// The highest.
        Enterprise = "enterprise",
    }
}

/// A plan: a fee and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The id: `free`, `pro`.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// The rank.
    pub tier: Tier,
    /// The fee of a month, in dollars.
    pub price_monthly_usd: Money,
    /// The fee of a year, in dollars.
    pub price_yearly_usd: Money,
    /// The cost of the usage that the fee of a month includes, in dollars: more is charged as
    /// overage. Nothing when all usage is in the fee.
    pub included_cost_usd: Option<Money>,
    /// One sentence for people.
    pub description: String,
    /// Names of features that the host grants.
    pub features: Vec<String>,
    /// The limits.
    pub limits: Vec<Limit>,
    /// Whether new subscriptions may choose it.
    pub is_active: bool,
}

impl Plan {
    /// The limit of that name.
    pub fn limit(&self, name: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.name == name)
    }

    /// Whether a subscription costs money.
    pub fn is_paid(&self) -> bool {
        self.price_monthly_usd > Money::ZERO || self.price_yearly_usd > Money::ZERO
    }

    /// Checks that the plan does not contradict itself.
    pub fn validate(&self) -> Result<()> {
        let invalid = |reason: String| Err(Error::InvalidPlan { plan: shown(&self.id), reason });
        if name::normalised("plan", &self.id)? != self.id {
            return invalid("the id must be in lower case, without blanks around".into());
        }
        name::checked("plan name", &self.name, 128)?;
        if self.price_monthly_usd < Money::ZERO || self.price_yearly_usd < Money::ZERO {
            return invalid("a fee is negative".into());
        }
        if self.included_cost_usd.is_some_and(|included| included < Money::ZERO) {
            return invalid("the included cost is negative".into());
        }
        for (index, limit) in self.limits.iter().enumerate() {
            if self.limits[..index].iter().any(|earlier| earlier.name == limit.name) {
                return invalid(format!("two limits are named `{}`", limit.name));
            }
            limit.validate().or_else(|error| invalid(error.to_string()))?;
        }
        Ok(())
    }
}

impl Limit {
    /// Checks the thresholds, the grace and the maximum.
    pub fn validate(&self) -> Result<()> {
        let invalid = |name: &'static str, value: String, expected: &'static str| {
            Err(Error::InvalidArgument { name, value, expected: expected.into() })
        };
        if name::normalised("limit", &self.name)? != self.name {
            return invalid("limit", shown(&self.name), "a name in lower case");
        }
        let ascending = self.thresholds.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || self.thresholds.iter().any(|t| !(1..=200).contains(t)) {
            let value = format!("{:?}", self.thresholds);
            return invalid("thresholds", value, "ascending percentages from 1 to 200");
        }
        if self.maximum.bound().is_some_and(|bound| bound < 0) {
            return invalid("maximum", self.maximum.shown(&self.metric), "0 or more");
        }
        if matches!(self.policy, Policy::Grace(percent) if !(1..=100).contains(&percent)) {
            return invalid("policy", self.policy.to_string(), "a grace from 1 to 100 percent");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_7_none_zero_and_n_are_three_things() {
        let parse = |text| Maximum::parse(text, &Metric::Calls);
        assert_eq!(parse("unlimited").unwrap(), Maximum::Unlimited);
        assert_eq!(parse("0").unwrap(), Maximum::AtMost(0));
        assert_eq!(parse("5").unwrap(), Maximum::AtMost(5));
        for text in ["-1", "", "none", "1.5", "∞"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let cost = Maximum::parse("0.02", &Metric::Cost).unwrap();
        assert_eq!(cost, Maximum::AtMost(20_000_000_000));
        assert_eq!(cost.shown(&Metric::Cost), "0.02");
    }

    #[test]
    fn policies_have_a_ceiling() {
        let maximum = Maximum::AtMost(105);
        assert_eq!(Policy::Hard.ceiling(maximum), Some(105));
        assert_eq!(Policy::Soft.ceiling(maximum), None);
        assert_eq!(Policy::Grace(10).ceiling(maximum), Some(115));
        assert_eq!(Policy::Hard.ceiling(Maximum::Unlimited), None);
        assert_eq!("grace 10%".parse::<Policy>().unwrap(), Policy::Grace(10));
        assert!("grace 0%".parse::<Policy>().is_err());
    }

    #[test]
    fn a_limit_covers_its_scope() {
        let calls = Limit::new("x", Metric::Calls, Maximum::AtMost(1)).unwrap();
        let chat = Operation::chat();
        assert!(calls.covers("gemini", &chat));
        let gemini = calls.clone().for_provider("gemini").unwrap();
        assert!(gemini.covers("gemini", &chat) && !gemini.covers("openai", &chat));
        let search = calls.for_operation(Operation::new("search").unwrap());
        assert!(!search.covers("gemini", &chat));
    }
}
