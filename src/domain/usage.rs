//! Usage: what a call used, as whole quantities by unit.
//!
//! What it is: the numbers that a provider bills by. What it is not: money, or a text. Cached,
//! cache-write, reasoning and audio counts are *subsets* of `input_tokens` and `output_tokens`.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result, shown};

/// The largest quantity of one unit in one call.
pub const QUANTITY_MAX: i64 = 1_000_000_000_000;

macro_rules! common_units {
    ($($variant:ident $name:literal $doc:literal),+ $(,)?) => {
        /// What a quantity counts: one of the common units, or any other by its name.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Unit {
            $(#[doc = $doc] $variant,)+
            /// Any other unit, such as `web_searches`: a new unit is data.
            Other(UnitName),
        }

        impl Unit {
            /// The common units, in the order of their columns.
            pub const COMMON: [Self; COMMON_UNITS] = [$(Self::$variant),+];
            /// The names of the common units: also the columns of a call and of a counter.
            pub const COMMON_NAMES: [&'static str; COMMON_UNITS] = [$($name),+];

            /// The unit's name, the same in Rust, SQL, JSON and the CLI.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name.as_str(),
                }
            }

            /// The position among the common units, if it is one.
            pub fn index(&self) -> Option<usize> {
                Self::COMMON.iter().position(|unit| unit == self)
            }
        }

        impl FromStr for Unit {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    other => other.parse().map(Self::Other),
                }
            }
        }
    };
}

/// How many units have a column of their own.
pub const COMMON_UNITS: usize = 14;

common_units! {
    InputTokens "input_tokens" "Tokens of the prompt, cached ones included.",
    OutputTokens "output_tokens" "Tokens of the answer, reasoning included.",
    CachedInputTokens "cached_input_tokens" "Input tokens read from the provider's cache.",
    CacheWrite5mTokens "cache_write_5m_tokens" "Input tokens written to a cache for 5 minutes.",
    CacheWrite1hTokens "cache_write_1h_tokens" "Input tokens written to a cache for 1 hour.",
    ReasoningTokens "reasoning_tokens" "Output tokens spent on reasoning.",
    InputAudioTokens "input_audio_tokens" "Input tokens that are audio.",
    OutputAudioTokens "output_audio_tokens" "Output tokens that are audio.",
    Requests "requests" "Requests, for prices that count them.",
    Searches "searches" "Searches.",
    Images "images" "Images.",
    Pages "pages" "Pages read, crawled or recognised.",
    Seconds "seconds" "Seconds of audio or video; a started second counts.",
    Characters "characters" "Characters of text, as speech synthesis bills them.",
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The name of a unit without a column: `[a-z][a-z0-9_]*`, at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitName(Arc<str>);

impl UnitName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for UnitName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for UnitName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let well_formed = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(Error::InvalidUsage {
                unit: shown(text),
                reason: "a unit is 1–64 of `a-z 0-9 _`, starting with a letter".into(),
            })
        }
    }
}

/// What one call used: whole quantities by unit, absent ones being 0.
///
/// ```
/// use alwrity_metering::{Unit, Usage};
/// let usage = Usage::tokens(374, 44).with(Unit::CachedInputTokens, 128);
/// assert_eq!(usage.get(&Unit::InputTokens), 374);
/// assert_eq!(usage.total_tokens(), 418);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    common: [i64; COMMON_UNITS],
    other: BTreeMap<UnitName, i64>,
}

impl Usage {
    /// Nothing used.
    pub const fn none() -> Self {
        Self { common: [0; COMMON_UNITS], other: BTreeMap::new() }
    }

    /// Input and output tokens.
    pub fn tokens(input_tokens: i64, output_tokens: i64) -> Self {
        Self::none().with(Unit::InputTokens, input_tokens).with(Unit::OutputTokens, output_tokens)
    }

    /// A quantity of one unit.
    pub fn of(unit: Unit, quantity: i64) -> Self {
        Self::none().with(unit, quantity)
    }

    /// The common quantities, in the order of [`Unit::COMMON`].
    pub(crate) const fn of_common(common: [i64; COMMON_UNITS]) -> Self {
        Self { common, other: BTreeMap::new() }
    }

    /// The same usage with the quantity of one unit replaced.
    #[must_use]
    pub fn with(mut self, unit: Unit, quantity: i64) -> Self {
        self.set(unit, quantity);
        self
    }

    /// Replaces the quantity of one unit.
    pub fn set(&mut self, unit: Unit, quantity: i64) {
        match (unit.index(), unit) {
            (Some(index), _) => self.common[index] = quantity,
            (None, Unit::Other(name)) if quantity != 0 => {
                self.other.insert(name, quantity);
            }
            (None, Unit::Other(name)) => {
                self.other.remove(&name);
            }
            (None, _) => {}
        }
    }

    /// The quantity of a unit, 0 when absent.
    pub fn get(&self, unit: &Unit) -> i64 {
        match (unit.index(), unit) {
            (Some(index), _) => self.common[index],
            (None, Unit::Other(name)) => self.other.get(name).copied().unwrap_or(0),
            (None, _) => 0,
        }
    }

    /// Tokens in and out; the subsets are inside them.
    pub fn total_tokens(&self) -> i64 {
        self.common[0].saturating_add(self.common[1])
    }

    /// The units used, with quantities that are not 0: common ones first.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, i64)> + '_ {
        // Most are 0: they are left out before anything is cloned.
        let used = self.common.iter().zip(&Unit::COMMON).filter(|(quantity, _)| **quantity != 0);
        let common = used.map(|(quantity, unit)| (unit.clone(), *quantity));
        let other = self.other.iter().map(|(name, q)| (Unit::Other(name.clone()), *q));
        common.chain(other)
    }

    /// The common quantities, in the order of [`Unit::COMMON`].
    pub fn common(&self) -> &[i64; COMMON_UNITS] {
        &self.common
    }

    /// The quantities of other units.
    pub fn other(&self) -> &BTreeMap<UnitName, i64> {
        &self.other
    }

    /// True when nothing was used.
    pub fn is_none(&self) -> bool {
        self.common == [0; COMMON_UNITS] && self.other.is_empty()
    }

    /// Both usages together, or [`Error::InvalidUsage`] past [`i64::MAX`].
    pub fn plus(&self, other: &Self) -> Result<Self> {
        let too_large = |unit: &Unit| Error::InvalidUsage {
            unit: unit.to_string(),
            reason: "the sum is too large".into(),
        };
        let mut sum = self.clone();
        for (place, quantity) in other.common.iter().enumerate() {
            let total = sum.common[place].checked_add(*quantity);
            sum.common[place] = total.ok_or_else(|| too_large(&Unit::COMMON[place]))?;
        }
        for (name, quantity) in &other.other {
            let unit = Unit::Other(name.clone());
            let total = sum.get(&unit).checked_add(*quantity).ok_or_else(|| too_large(&unit))?;
            sum.set(unit, total);
        }
        Ok(sum)
    }

    /// Checks that every quantity is within 0 and [`QUANTITY_MAX`].
    pub fn validate(&self) -> Result<()> {
        let is_outside = |quantity: &i64| !(0..=QUANTITY_MAX).contains(quantity);
        if !self.common.iter().chain(self.other.values()).any(is_outside) {
            return Ok(());
        }
        match self.iter().find(|(_, quantity)| is_outside(quantity)) {
            None => Ok(()),
            Some((unit, quantity)) => Err(Error::InvalidUsage {
                unit: unit.to_string(),
                reason: format!("`{quantity}` is not within 0 and {QUANTITY_MAX}").into(),
            }),
        }
    }
}

impl FromIterator<(Unit, i64)> for Usage {
    fn from_iter<I: IntoIterator<Item = (Unit, i64)>>(quantities: I) -> Self {
        let mut usage = Self::none();
        for (unit, quantity) in quantities {
            usage.set(unit, quantity);
        }
        usage
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<Unit, i64>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_unit_is_data() {
        let unit: Unit = "web_searches".parse().unwrap();
        let usage = Usage::tokens(1, 2).with(unit.clone(), 3);
        assert_eq!(usage.get(&unit), 3);
        let json = serde_json::to_string(&usage).unwrap();
        assert_eq!(json, r#"{"input_tokens":1,"output_tokens":2,"web_searches":3}"#);
        assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), usage);
        assert_eq!(usage.clone().with(unit, 0), Usage::tokens(1, 2));
    }

    #[test]
    fn names_and_quantities_are_checked() {
        for name in ["", "Web", "1a", "a-b", &"x".repeat(65)] {
            assert!(name.parse::<Unit>().is_err(), "{name}");
        }
        assert!(Usage::tokens(-1, 0).validate().is_err());
        assert!(Usage::tokens(QUANTITY_MAX + 1, 0).validate().is_err());
        assert!(Usage::tokens(QUANTITY_MAX, 0).validate().is_ok());
    }

    #[test]
    fn every_common_unit_has_its_name_and_place() {
        for (index, unit) in Unit::COMMON.iter().enumerate() {
            assert_eq!(unit.index(), Some(index));
            assert_eq!(unit.name(), Unit::COMMON_NAMES[index]);
            assert_eq!(&unit.name().parse::<Unit>().unwrap(), unit);
        }
    }
}
