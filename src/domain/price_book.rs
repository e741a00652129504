//! The price book: which version prices a call, found by explicit steps in a fixed order.
//!
//! exact id → alias → longest prefix → the provider's default. Within a step the call's own
//! variant comes before the standard one, and the newest version in force at the instant wins.

use std::collections::HashMap;

use super::operation::Operation;
use super::price::{Matcher, PriceMatch, PriceVersion, Variant};
use super::time::Timestamp;

/// All price versions, indexed for look-up.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    versions: Vec<PriceVersion>,
    by_id: HashMap<i64, usize>,
    providers: HashMap<String, Shelf>,
}

/// The versions of one provider, each list with the newest first.
#[derive(Clone, Debug, Default)]
struct Shelf {
    exact: HashMap<String, Vec<usize>>,
    /// Longest prefix first.
    prefixes: Vec<(String, Vec<usize>)>,
    default: Vec<usize>,
    aliases: HashMap<String, String>,
}

/// What is looked up.
#[derive(Clone, Copy, Debug)]
pub struct PriceQuery<'a> {
    /// Who is paid.
    pub provider: &'a str,
    /// The model, empty when there is none.
    pub model: &'a str,
    /// What is done.
    pub operation: &'a Operation,
    /// The service tier.
    pub variant: Variant,
    /// When.
    pub at: Timestamp,
}

/// A version that was found, and how.
#[derive(Clone, Copy, Debug)]
pub struct FoundPrice<'a> {
    /// The version.
    pub version: &'a PriceVersion,
    /// The step that found it.
    pub price_match: PriceMatch,
}

impl PriceBook {
    /// A book of these versions and aliases (provider, alias, model).
    pub fn new(
        versions: Vec<PriceVersion>,
        aliases: impl IntoIterator<Item = (String, String, String)>,
    ) -> Self {
        let mut providers: HashMap<String, Shelf> = HashMap::new();
        let mut newest_first: Vec<usize> = (0..versions.len()).collect();
        newest_first
            .sort_by_key(|i| std::cmp::Reverse((versions[*i].effective_from, versions[*i].id)));
        for index in newest_first {
            let version = &versions[index];
            let shelf = providers.entry(version.provider.clone()).or_default();
            shelf.put(version, index);
        }
        for (provider, alias, model) in aliases {
            providers.entry(provider).or_default().aliases.insert(alias, model);
        }
        for shelf in providers.values_mut() {
            shelf.prefixes.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        }
        let by_id = versions.iter().enumerate().map(|(i, version)| (version.id, i)).collect();
        Self { versions, by_id, providers }
    }

    /// All versions, in the order they were given.
    pub fn versions(&self) -> &[PriceVersion] {
        &self.versions
    }

    /// The versions in force at an instant: of each price, the newest.
    pub fn in_force(&self, at: Timestamp) -> impl Iterator<Item = &PriceVersion> {
        self.versions.iter().filter(move |version| {
            version.effective_from <= at
                && !self.versions_of(version).any(|other| {
                    other.is_same_price(version)
                        && other.effective_from <= at
                        && (other.effective_from, other.id) > (version.effective_from, version.id)
                })
        })
    }

    /// The versions that share a version's provider and model.
    fn versions_of(&self, version: &PriceVersion) -> impl Iterator<Item = &PriceVersion> {
        let shelf = self.providers.get(&version.provider);
        let list = shelf.and_then(|shelf| match version.matcher {
            Matcher::Exact => shelf.exact.get(&version.model),
            Matcher::Default => Some(&shelf.default),
            Matcher::Prefix => {
                shelf.prefixes.iter().find(|(p, _)| *p == version.model).map(|(_, list)| list)
            }
        });
        list.into_iter().flatten().map(|index| &self.versions[*index])
    }

    /// The version with that id.
    pub fn by_id(&self, id: i64) -> Option<&PriceVersion> {
        self.by_id.get(&id).map(|index| &self.versions[*index])
    }

    /// The model that an alias of the provider stands for.
    pub fn alias(&self, provider: &str, alias: &str) -> Option<&str> {
        self.providers.get(provider)?.aliases.get(alias).map(String::as_str)
    }

    /// All aliases: provider, alias, model.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.providers.iter().flat_map(|(provider, shelf)| {
            shelf
                .aliases
                .iter()
                .map(|(alias, model)| (provider.as_str(), alias.as_str(), model.as_str()))
        })
    }

    /// What the newest price of a model is for, when that is one operation alone: by the model's
    /// own id, its alias or its longest prefix, never by the provider's default.
    pub fn operation_of(&self, provider: &str, model: &str, at: Timestamp) -> Option<&Operation> {
        let shelf = self.providers.get(provider)?;
        let model = model.strip_prefix("models/").unwrap_or(model);
        let of_alias = || shelf.aliases.get(model).and_then(|target| shelf.exact.get(target));
        let of_prefix = || {
            let mut prefixes = shelf.prefixes.iter();
            prefixes.find(|(prefix, _)| model.starts_with(prefix.as_str())).map(|(_, list)| list)
        };
        let list = shelf.exact.get(model).or_else(of_alias).or_else(of_prefix)?;
        let mut versions = list.iter().map(|index| &self.versions[*index]);
        versions.find(|version| version.effective_from <= at)?.operation.as_ref()
    }

    /// The version that prices the call, or nothing when its price is unknown.
    pub fn find(&self, query: &PriceQuery<'_>) -> Option<FoundPrice<'_>> {
        let shelf = self.providers.get(query.provider)?;
        let model = query.model.strip_prefix("models/").unwrap_or(query.model);
        let exact = shelf.exact.get(model).map(Vec::as_slice);
        self.pick(exact, query, PriceMatch::Exact)
            .or_else(|| {
                let target = shelf.aliases.get(model)?;
                self.pick(shelf.exact.get(target).map(Vec::as_slice), query, PriceMatch::Alias)
            })
            .or_else(|| {
                shelf
                    .prefixes
                    .iter()
                    .filter(|(prefix, _)| model.starts_with(prefix.as_str()))
                    .find_map(|(_, list)| self.pick(Some(list), query, PriceMatch::Prefix))
            })
            .or_else(|| self.pick(Some(&shelf.default), query, PriceMatch::ProviderDefault))
    }

    /// The newest version in force among `list`, the call's own variant before the standard one.
    fn pick(
        &self,
        list: Option<&[usize]>,
        query: &PriceQuery<'_>,
        price_match: PriceMatch,
    ) -> Option<FoundPrice<'_>> {
        let list = list?;
        let newest = |variant: Variant, operation: Option<&Operation>| {
            list.iter().map(|index| &self.versions[*index]).find(|version| {
                version.effective_from <= query.at
                    && version.variant == variant
                    && version.operation.as_ref() == operation
            })
        };
        let of_variant =
            |variant| newest(variant, Some(query.operation)).or_else(|| newest(variant, None));
        let version = of_variant(query.variant).or_else(|| of_variant(Variant::Standard))?;
        Some(FoundPrice { version, price_match })
    }
}

impl Shelf {
    fn put(&mut self, version: &PriceVersion, index: usize) {
        match version.matcher {
            Matcher::Exact => self.exact.entry(version.model.clone()).or_default().push(index),
            Matcher::Default => self.default.push(index),
            Matcher::Prefix => match self.prefixes.iter_mut().find(|(p, _)| *p == version.model) {
                Some((_, list)) => list.push(index),
                None => self.prefixes.push((version.model.clone(), vec![index])),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Money;
    use crate::domain::price::Rate;
    use crate::domain::usage::Unit;

    fn version(id: i64, matcher: Matcher, model: &str, from_us: i64) -> PriceVersion {
        PriceVersion {
            id,
            provider: "p".into(),
            matcher,
            model: model.into(),
            variant: Variant::Standard,
            operation: None,
            effective_from: Timestamp::from_micros(from_us).unwrap(),
            source: "test".into(),
            rates: vec![Rate {
                unit: Unit::InputTokens,
                above_input_tokens: 0,
                amount: Money::from_pico_usd(id),
                per: 1,
            }],
        }
    }

    fn book() -> PriceBook {
        let mut batch = version(5, Matcher::Exact, "gpt-4o", 0);
        batch.variant = Variant::Batch;
        let mut image_only = version(6, Matcher::Default, "", 0);
        image_only.operation = Some(Operation::new("image_generation").unwrap());
        PriceBook::new(
            vec![
                version(1, Matcher::Exact, "gpt-4o", 0),
                version(2, Matcher::Exact, "gpt-4o", 100),
                version(3, Matcher::Prefix, "gpt-4", 0),
                version(4, Matcher::Prefix, "gpt-4.1-", 0),
                batch,
                image_only,
            ],
            [("p".to_owned(), "gpt4o".to_owned(), "gpt-4o".to_owned())],
        )
    }

    fn find(
        model: &str,
        variant: Variant,
        operation: &str,
        at_us: i64,
    ) -> Option<(i64, PriceMatch)> {
        let book = book();
        let operation = Operation::new(operation).unwrap();
        let at = Timestamp::from_micros(at_us).unwrap();
        let query = PriceQuery { provider: "p", model, operation: &operation, variant, at };
        book.find(&query).map(|found| (found.version.id, found.price_match))
    }

    #[test]
    fn steps_are_tried_in_order() {
        let standard = |model| find(model, Variant::Standard, "chat", 0);
        assert_eq!(standard("gpt-4o"), Some((1, PriceMatch::Exact)));
        assert_eq!(standard("models/gpt-4o"), Some((1, PriceMatch::Exact)));
        assert_eq!(standard("gpt4o"), Some((1, PriceMatch::Alias)));
        assert_eq!(standard("gpt-4.1-mini"), Some((4, PriceMatch::Prefix)));
        assert_eq!(standard("gpt-4-turbo"), Some((3, PriceMatch::Prefix)));
        assert_eq!(standard("claude"), None);
        let image = find("claude", Variant::Standard, "image_generation", 0);
        assert_eq!(image, Some((6, PriceMatch::ProviderDefault)));
    }

    #[test]
    fn a_version_applies_from_its_instant_on() {
        assert_eq!(find("gpt-4o", Variant::Standard, "chat", 99).unwrap().0, 1);
        assert_eq!(find("gpt-4o", Variant::Standard, "chat", 100).unwrap().0, 2);
    }

    #[test]
    fn a_missing_variant_falls_back_to_the_standard_one() {
        assert_eq!(find("gpt-4o", Variant::Batch, "chat", 200).unwrap().0, 5);
        assert_eq!(find("gpt-4o", Variant::Flex, "chat", 200).unwrap().0, 2);
    }
}
