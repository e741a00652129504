//! The one reader of all shapes: a table says where each count stands and how it counts.

use serde_json::Value;

use super::Extracted;
use super::read::{at, count, money, seconds};
use crate::domain::call::UsageSource;
use crate::domain::money::Money;
use crate::domain::price::Variant;
use crate::domain::usage::{Unit, Usage};
use crate::error::shown;

pub(super) const INPUT: &str = "input_tokens";
pub(super) const OUTPUT: &str = "output_tokens";
pub(super) const CACHED: &str = "cached_input_tokens";
pub(super) const WRITE_5M: &str = "cache_write_5m_tokens";
pub(super) const WRITE_1H: &str = "cache_write_1h_tokens";
pub(super) const REASONING: &str = "reasoning_tokens";

/// At most so many notes are kept of one body.
const NOTES_MAX: usize = 20;

/// How a number in a body counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum As {
    /// The quantity of a unit that is no subset.
    Whole(&'static str),
    /// A subset that the total already holds.
    Inside(&'static str),
    /// A subset that the total lacks: it is added to the total of that name.
    Outside(&'static str, &'static str),
    /// Reasoning, in or out of the output as the reported sum tells; else as given.
    Reasoning(Side),
    /// A list of `{modality, tokenCount}`, of the input, the output or the cache.
    Modalities(Part),
    /// Seconds, a started one counting.
    Seconds,
}

/// Where reasoning stands when the reported sum does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// In the output.
    In,
    /// Beside the output.
    Out,
    /// Beside the output, whatever the sum says.
    AlwaysOut,
}

/// Which tokens a list of modalities splits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Input,
    Output,
    Cache,
}

/// A place in the usage object, and how what stands there counts.
pub(super) type Field = (&'static str, As);

/// One form of a body that reports usage.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The dotted path of the usage object; empty for the body itself.
    pub(super) root: &'static str,
    /// The body has this shape when one of these stands in the usage object.
    pub(super) needs: &'static [&'static str],
    /// The counts.
    pub(super) fields: &'static [Field],
    /// Keys of the usage object that are no counts, so that they are no news.
    pub(super) known: &'static [&'static str],
    /// Where the model's name stands in the body.
    pub(super) model: &'static [&'static str],
    /// Where the service tier stands in the body.
    pub(super) tier: &'static [&'static str],
    /// Where what the vendor charged stands in the body, in 10^−n dollars.
    pub(super) cost: &'static [(&'static str, u32)],
    /// What a table cannot say, such as counting the items of a list.
    pub(super) more: Option<fn(&Value, &mut Found)>,
}

impl Shape {
    /// A shape with nothing in it, to be filled by `..Shape::EMPTY`.
    pub(super) const EMPTY: Self = Self {
        root: "",
        needs: &[],
        fields: &[],
        known: &[],
        model: &["model"],
        tier: &[],
        cost: &[],
        more: None,
    };

    /// The usage object, if the body has this shape.
    pub(super) fn root_of<'v>(&self, body: &'v Value) -> Option<&'v Value> {
        let root = at(body, self.root).filter(|root| root.is_object())?;
        let is_there = |path: &&str| at(root, path).is_some_and(|value| !value.is_null());
        self.needs.iter().any(is_there).then_some(root)
    }

    /// Reads a body of this shape; `None` when it holds no count that can be one.
    pub(super) fn read(&self, body: &Value, root: &Value) -> Option<Extracted> {
        let mut found = Found::default();
        // Neighbours in a table mostly share their parent: it is looked up once.
        let mut parent = ("", None);
        for (path, counts_as) in self.fields {
            let value = match path.split_once('.') {
                None => root.get(*path),
                Some((head, rest)) => {
                    if parent.0 != head {
                        parent = (head, root.get(head));
                    }
                    parent.1.and_then(|inner| at(inner, rest))
                }
            };
            if let Some(value) = value.filter(|value| !value.is_null()) {
                found.take(self.root, path, *counts_as, value);
            }
        }
        if !self.root.is_empty() {
            self.note_news(root, &mut found);
        }
        if let Some(more) = self.more {
            more(body, &mut found);
        }
        let total =
            TOTALS.iter().find_map(|key| root.get(*key).and_then(|value| count(value).ok()));
        let text = |paths: &[&str]| paths.iter().find_map(|path| at(body, path)?.as_str());
        let variant = text(self.tier).and_then(|name| found.tier(name));
        let vendor_cost_usd = self.cost(body, &mut found);
        if found.quantities.is_empty() && vendor_cost_usd.is_none() {
            return None;
        }
        Some(Extracted {
            model: text(self.model).filter(|name| !name.is_empty()).map(str::to_owned),
            usage: found.usage(total),
            variant,
            vendor_cost_usd,
            is_partial: false,
            notes: found.notes,
            usage_source: UsageSource::Reported,
        })
    }

    fn cost(&self, body: &Value, found: &mut Found) -> Option<Money> {
        for (path, places) in self.cost {
            let Some(value) = at(body, path).filter(|value| !value.is_null()) else { continue };
            match money(value, *places) {
                Some((amount, is_rounded)) => {
                    if is_rounded {
                        found.note(|| format!("`{path}` was rounded to a pico-dollar"));
                    }
                    return Some(amount);
                }
                None if value.is_object() => {}
                None => found.note(|| format!("`{path}` is no amount of money")),
            }
        }
        None
    }

    /// Notes the keys of the usage object that no table knows.
    fn note_news(&self, root: &Value, found: &mut Found) {
        for key in root.as_object().into_iter().flat_map(|object| object.keys()) {
            let begins = |path: &str| {
                path.strip_prefix(key.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let is_field = self.fields.iter().any(|(path, _)| begins(path));
            if !is_field && !self.known.contains(&key.as_str()) && !TOTALS.contains(&key.as_str()) {
                found.note(|| format!("unknown field `{}.{}`", self.root, shown(key)));
            }
        }
    }
}

/// The sums that vendors report beside the counts.
const TOTALS: [&str; 4] = ["total_tokens", "totalTokenCount", "total_token_count", "totalTokens"];

/// The units that modalities split into, of input, output and cache.
const MODALITIES: [(&str, [&str; 3]); 4] = [
    ("AUDIO", ["input_audio_tokens", "output_audio_tokens", "cached_input_audio_tokens"]),
    ("IMAGE", ["input_image_tokens", "output_image_tokens", "cached_input_image_tokens"]),
    // A document's pages are read, and priced, as images.
    ("DOCUMENT", ["input_image_tokens", "output_image_tokens", "cached_input_image_tokens"]),
    ("VIDEO", ["input_video_tokens", "output_video_tokens", "cached_input_video_tokens"]),
];

/// The units that are part of another one, the total first: their sum never passes it.
const SUBSETS: [(&str, &[&str]); 5] = [
    (INPUT, &[CACHED, WRITE_5M, WRITE_1H]),
    (INPUT, &["input_audio_tokens", "input_image_tokens", "input_video_tokens"]),
    (OUTPUT, &[REASONING, "output_audio_tokens", "output_image_tokens", "output_video_tokens"]),
    (OUTPUT, &["citation_tokens"]),
    ("pages", &["annotated_pages"]),
];

/// The unit that another unit is a part of, so that its quantity is inside that unit's already.
///
/// ```
/// use alwrity_metering::ingest::part_of;
/// assert_eq!(part_of("reasoning_tokens"), Some("output_tokens"));
/// assert_eq!(part_of("web_searches"), None);
/// ```
pub fn part_of(unit: &str) -> Option<&'static str> {
    let of_cache = matches!(
        unit,
        "cached_input_audio_tokens" | "cached_input_image_tokens" | "cached_input_video_tokens"
    );
    if of_cache {
        return Some(CACHED);
    }
    if unit == "input_tool_tokens" {
        return Some(INPUT);
    }
    SUBSETS.iter().find(|(_, parts)| parts.contains(&unit)).map(|(whole, _)| *whole)
}

/// The words that vendors have for a tier.
const TIERS: [(&str, Option<Variant>); 13] = [
    ("default", Some(Variant::Standard)),
    ("standard", Some(Variant::Standard)),
    ("on_demand", Some(Variant::Standard)),
    ("traffic_type_unspecified", None),
    ("auto", None),
    ("batch", Some(Variant::Batch)),
    ("flex", Some(Variant::Flex)),
    ("on_demand_flex", Some(Variant::Flex)),
    ("priority", Some(Variant::Priority)),
    ("performance", Some(Variant::Priority)),
    ("fast", Some(Variant::Priority)),
    ("on_demand_priority", Some(Variant::Priority)),
    ("standard_only", Some(Variant::Standard)),
];

/// What was found in a body so far.
#[derive(Default)]
pub(super) struct Found {
    quantities: Vec<(&'static str, i64)>,
    outside: Vec<(&'static str, i64)>,
    reasoning: Option<(i64, Side)>,
    notes: Vec<String>,
}

impl Found {
    /// Adds a note, unless it is known or there are too many.
    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.notes.len() < NOTES_MAX {
            let text = text();
            if !self.notes.contains(&text) {
                self.notes.push(text);
            }
        }
    }

    /// The quantity of a unit so far.
    pub(super) fn get(&self, unit: &str) -> i64 {
        self.quantities.iter().find(|(name, _)| *name == unit).map_or(0, |(_, quantity)| *quantity)
    }

    /// Sets a quantity; of several spellings of one count, the largest stands.
    pub(super) fn raise(&mut self, unit: &'static str, quantity: i64) {
        match self.quantities.iter_mut().find(|(name, _)| *name == unit) {
            Some((_, old)) => *old = (*old).max(quantity),
            None => self.quantities.push((unit, quantity)),
        }
    }

    /// Adds to a quantity.
    pub(super) fn add(&mut self, unit: &'static str, quantity: i64) {
        let sum = self.get(unit).saturating_add(quantity);
        self.raise(unit, sum);
    }

    /// Sets a subset that its total lacks.
    pub(super) fn raise_outside(&mut self, unit: &'static str, of: &'static str, quantity: i64) {
        let more = quantity - self.get(unit);
        if more > 0 {
            self.raise(unit, quantity);
            self.outside.push((of, more));
        }
    }

    fn take(&mut self, root: &str, path: &str, counts_as: As, value: &Value) {
        if let As::Modalities(part) = counts_as {
            self.modalities(part, value);
            return;
        }
        if let As::Seconds = counts_as {
            if let Some(seconds) = seconds(value) {
                self.raise("seconds", seconds);
            }
            return;
        }
        let quantity = match count(value) {
            Ok(quantity) => quantity,
            Err(why) => {
                let dot = if root.is_empty() { "" } else { "." };
                self.note(|| format!("`{root}{dot}{path}` {why} and was left out"));
                return;
            }
        };
        match counts_as {
            As::Whole(unit) | As::Inside(unit) => self.raise(unit, quantity),
            As::Outside(unit, of) => self.raise_outside(unit, of, quantity),
            As::Reasoning(side) => {
                let old = self.reasoning.map_or(0, |(old, _)| old);
                self.reasoning = Some((quantity.max(old), side));
            }
            As::Modalities(_) | As::Seconds => {}
        }
    }

    fn modalities(&mut self, part: Part, list: &Value) {
        let column = match part {
            Part::Input => 0,
            Part::Output => 1,
            Part::Cache => 2,
        };
        for entry in list.as_array().into_iter().flatten() {
            let name = entry.get("modality").and_then(Value::as_str).unwrap_or_default();
            let tokens = entry.get("tokenCount").or_else(|| entry.get("token_count"));
            let Some(tokens) = tokens.and_then(|tokens| count(tokens).ok()) else { continue };
            match MODALITIES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
                Some((_, units)) => self.add(units[column], tokens),
                None if name.eq_ignore_ascii_case("TEXT") => {}
                None => self.note(|| "a modality is unknown and counts as text".to_owned()),
            }
        }
    }

    fn tier(&mut self, name: &str) -> Option<Variant> {
        let known = TIERS.iter().find(|(word, _)| name.eq_ignore_ascii_case(word));
        if let Some((_, tier)) = known {
            *tier
        } else {
            self.note(|| "the service tier is unknown".to_owned());
            None
        }
    }

    /// The quantities with every subset inside its total.
    fn usage(&mut self, total: Option<i64>) -> Usage {
        for (of, quantity) in std::mem::take(&mut self.outside) {
            self.add(of, quantity);
        }
        if let Some((reasoning, side)) = self.reasoning {
            let sum = self.get(INPUT).saturating_add(self.get(OUTPUT));
            let is_outside = match (side, total) {
                (Side::AlwaysOut, _) => true,
                (_, Some(total)) if total == sum => false,
                (_, Some(total)) if total == sum.saturating_add(reasoning) => true,
                (side, _) => side == Side::Out,
            };
            self.raise(REASONING, reasoning);
            if is_outside {
                self.add(OUTPUT, reasoning);
            }
        }
        self.keep_subsets_inside();
        self.split_credits();
        let known = self.quantities.iter();
        known.filter_map(|(unit, quantity)| Some((unit.parse::<Unit>().ok()?, *quantity))).collect()
    }

    /// A search or a page is a credit: only what was taken beyond that is a unit of its own, so
    /// that nothing is billed twice.
    fn split_credits(&mut self) {
        let Some(place) = self.quantities.iter().position(|(name, _)| *name == "credits") else {
            return;
        };
        let (_, credits) = self.quantities.swap_remove(place);
        let paid = ["searches", "pages", "requests"].iter().map(|unit| self.get(unit));
        let extra = paid.fold(credits, i64::saturating_sub);
        if extra > 0 {
            self.raise("extra_credits", extra);
        }
    }

    /// A subset beyond its total would be billed below zero, so it is cut to what the total holds.
    fn keep_subsets_inside(&mut self) {
        for (whole, parts) in SUBSETS {
            let mut left = self.get(whole);
            for part in parts {
                let quantity = self.get(part);
                if quantity > left {
                    self.note(|| format!("`{part}` is more than `{whole}` holds and was cut"));
                    self.quantities.retain(|(name, _)| name != part);
                    self.raise(part, left);
                }
                left -= quantity.min(left);
            }
        }
    }
}
