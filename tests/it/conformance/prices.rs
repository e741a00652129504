//! Prices: every kind comes back, and a used version is never edited.

use alwrity_metering::domain::call::Call;
use alwrity_metering::storage::Store;
use alwrity_metering::{Matcher, PriceVersion, Result, Timestamp, Unit, Variant};

use super::samples::{call, cataloguing, operation, price, pricing, rate, unit};
use super::works::{record, write};

fn set(store: &dyn Store, prices: &[PriceVersion]) -> Result<()> {
    let changes: Vec<_> = prices.iter().cloned().map(pricing).collect();
    write(store, None, cataloguing(&changes))
}

/// All price versions by id, with their rates in one order.
fn prices(store: &dyn Store) -> Vec<PriceVersion> {
    let mut prices = store.catalogue().unwrap().prices.versions().to_vec();
    prices.sort_by_key(|price| price.id);
    prices.into_iter().map(with_sorted_rates).collect()
}

fn with_sorted_rates(mut price: PriceVersion) -> PriceVersion {
    price.rates.sort_by_key(|rate| (rate.unit.clone(), rate.above_input_tokens));
    price
}

/// The prices with ids from 1 on.
fn numbered(prices: &[PriceVersion]) -> Vec<PriceVersion> {
    let sorted = prices.iter().cloned().map(with_sorted_rates);
    (1..).zip(sorted).map(|(id, price)| PriceVersion { id, ..price }).collect()
}

pub(crate) fn a_price_comes_back(store: &dyn Store) {
    let mut full = price("gemini", "gemini-2.5-", "0.0375");
    full.matcher = Matcher::Prefix;
    full.variant = Variant::Flex;
    full.operation = Some(operation("image_edit"));
    full.effective_from = Timestamp::MIN.plus_micros(1);
    full.source = "https://example.com/preise?a=1, “neu”".into();
    full.rates = vec![
        rate(Unit::OutputTokens, 0, "2.5", 1_000_000),
        rate(Unit::InputTokens, 200_000, "0.000000000001", 1),
        rate(Unit::InputTokens, 0, "0", 1_000_000),
        rate(unit("storage_hours"), 0, "4.5", 1_000_000),
    ];
    set(store, std::slice::from_ref(&full)).unwrap();
    assert_eq!(prices(store), numbered(&[full]));
}

pub(crate) fn every_kind_of_price_comes_back(store: &dyn Store) {
    let mut all = Vec::new();
    for matcher in Matcher::ALL {
        for variant in Variant::ALL {
            for operation in [None, Some(operation("chat")), Some(operation("search"))] {
                let model = if *matcher == Matcher::Default { "" } else { "m" };
                let (matcher, variant) = (*matcher, *variant);
                all.push(PriceVersion { matcher, variant, operation, ..price("p", model, "1") });
            }
        }
    }
    set(store, &all).unwrap();
    assert_eq!(prices(store), numbered(&all));
}

pub(crate) fn an_unused_price_is_replaced_under_its_id(store: &dyn Store) {
    set(store, &[price("p", "m", "1"), price("p", "n", "1")]).unwrap();
    let mut changed = price("p", "m", "2");
    changed.source = "another".into();
    changed.rates.push(rate(Unit::OutputTokens, 0, "3", 1));
    set(store, std::slice::from_ref(&changed)).unwrap();
    assert_eq!(prices(store), numbered(&[changed, price("p", "n", "1")]));
    set(store, &[price("p", "m", "4")]).unwrap();
    assert_eq!(prices(store)[0].rates, price("p", "m", "4").rates);
}

/// Records a call that the first price has rated.
fn use_first_price(store: &dyn Store) {
    record(store, "u", "k", &Call { price_version_id: Some(1), ..call() });
}

pub(crate) fn a_used_price_is_never_edited(store: &dyn Store) {
    set(store, &[price("p", "m", "1"), price("p", "n", "1")]).unwrap();
    use_first_price(store);
    let error = set(store, &[price("p", "n", "2"), price("p", "m", "2")]).unwrap_err();
    assert_eq!(error.code(), "invalid_price");
    let both = numbered(&[price("p", "m", "1"), price("p", "n", "1")]);
    assert_eq!(prices(store), both);
    set(store, &[price("p", "n", "2")]).unwrap();
    assert_eq!(prices(store)[1].rates, price("p", "n", "2").rates);
}

pub(crate) fn the_same_price_again_changes_nothing(store: &dyn Store) {
    let mut two = price("p", "m", "1");
    two.rates.push(rate(Unit::OutputTokens, 0, "3", 1));
    set(store, std::slice::from_ref(&two)).unwrap();
    use_first_price(store);
    two.rates.reverse();
    set(store, std::slice::from_ref(&two)).unwrap();
    assert_eq!(prices(store), numbered(&[two]));
}

pub(crate) fn a_later_version_leaves_the_earlier_one(store: &dyn Store) {
    set(store, &[price("p", "m", "1")]).unwrap();
    use_first_price(store);
    let mut later = price("p", "m", "2");
    later.effective_from = later.effective_from.plus_micros(1);
    set(store, std::slice::from_ref(&later)).unwrap();
    assert_eq!(prices(store), numbered(&[price("p", "m", "1"), later]));
}
