//! The catalogue: plans, aliases, providers and units.

use std::sync::Arc;

use alwrity_metering::domain::catalogue::Provider;
use alwrity_metering::domain::unit_tree::UnitTree;
use alwrity_metering::storage::{CatalogueChange, Store};
use alwrity_metering::{Maximum, Plan, Tier, Unit};

use super::samples::{cataloguing, operation, plan, planning, price, pricing, unit};
use super::works::{look, write};

fn set(store: &dyn Store, changes: &[CatalogueChange]) {
    write(store, None, cataloguing(changes)).unwrap();
}

pub(crate) fn it_starts_empty(store: &dyn Store) {
    let catalogue = store.catalogue().unwrap();
    assert_eq!((catalogue.version, catalogue.default_plan.as_str()), (1, "free"));
    assert!(catalogue.plans.is_empty() && catalogue.providers.is_empty());
    assert!(catalogue.prices.versions().is_empty() && catalogue.prices.aliases().next().is_none());
    assert_eq!(catalogue.units, UnitTree::default());
}

pub(crate) fn the_version_moves_once_a_work(store: &dyn Store) {
    let before = store.catalogue().unwrap();
    assert!(Arc::ptr_eq(&before, &store.catalogue().unwrap()), "it is made once");
    set(store, &[planning(plan("free", "0")), planning(plan("pro", "29"))]);
    assert_eq!(store.catalogue().unwrap().version, 2);
    set(store, &[pricing(price("gemini", "m", "1"))]);
    let after = store.catalogue().unwrap();
    assert_eq!(after.version, 3);
    assert_eq!(look(store, "u", &[]).head.catalogue.version, 3);
    assert_eq!((before.version, before.plans.len()), (1, 0), "who holds it keeps it as it was");
}

pub(crate) fn plans_come_back_cheapest_first(store: &dyn Store) {
    let bare = Plan {
        features: vec![],
        limits: vec![],
        description: String::new(),
        tier: Tier::Enterprise,
        is_active: false,
        ..plan("bare", "0")
    };
    let plans = [plan("pro", "29"), plan("b", "9.5"), plan("a", "9.5"), bare.clone()];
    set(store, &plans.clone().map(planning));
    let [pro, b, a, bare] = plans;
    assert_eq!(store.catalogue().unwrap().plans, [bare, a, b, pro]);
}

pub(crate) fn a_plan_is_replaced_by_its_id(store: &dyn Store) {
    set(store, &[planning(plan("pro", "29")), planning(plan("free", "0"))]);
    let mut changed = plan("pro", "39");
    changed.limits.remove(1);
    changed.limits[0].maximum = Maximum::Unlimited;
    changed.limits[1].name = "renamed".into();
    changed.features.clear();
    set(store, &[planning(changed.clone())]);
    assert_eq!(store.catalogue().unwrap().plans, [plan("free", "0"), changed]);
}

pub(crate) fn aliases_point_to_a_model(store: &dyn Store) {
    let alias = |provider: &str, alias: &str, model: &str| CatalogueChange::Alias {
        provider: provider.into(),
        alias: alias.into(),
        model: model.into(),
    };
    set(store, &[alias("gemini", "flash", "gemini-2.5-flash"), alias("x", "flash", "other")]);
    set(store, &[alias("gemini", "flash", "gemini-3-flash"), alias("gemini", "快", "模型")]);
    let prices = &store.catalogue().unwrap().prices;
    assert_eq!(prices.alias("gemini", "flash"), Some("gemini-3-flash"));
    assert_eq!(prices.alias("gemini", "快"), Some("模型"));
    assert_eq!(prices.alias("x", "flash"), Some("other"));
    assert_eq!(prices.aliases().count(), 3);
}

pub(crate) fn providers_and_units_come_back(store: &dyn Store) {
    let provider = |id: &str, display_name: &str, name: &str| Provider {
        id: id.into(),
        display_name: display_name.into(),
        default_operation: operation(name),
    };
    let with_parents = |name: &str, parents: &[Unit]| CatalogueChange::Unit {
        unit: unit(name),
        parents: parents.to_vec(),
        label: "What it counts".into(),
    };
    let tavily = provider("tavily", "Tavily", "search");
    set(
        store,
        &[
            CatalogueChange::Provider(provider("gemini", "Old", "chat")),
            CatalogueChange::Provider(tavily.clone()),
            with_parents("cached_audio_tokens", &[Unit::InputAudioTokens, Unit::CachedInputTokens]),
            with_parents("web_searches", &[]),
        ],
    );
    let gemini = provider("gemini", "Google Gemini", "chat");
    set(
        store,
        &[CatalogueChange::Provider(gemini.clone()), with_parents("input_audio_tokens", &[])],
    );
    let catalogue = store.catalogue().unwrap();
    assert_eq!(catalogue.providers.values().cloned().collect::<Vec<_>>(), [gemini, tavily]);
    let mut expected = UnitTree::default();
    let parents = vec![Unit::InputAudioTokens, Unit::CachedInputTokens];
    expected.insert(unit("cached_audio_tokens"), parents).unwrap();
    expected.insert(Unit::InputAudioTokens, vec![]).unwrap();
    assert_eq!(catalogue.units, expected, "the first parent stays the first");
}

pub(crate) fn a_unit_inside_itself_is_refused(store: &dyn Store) {
    let change = CatalogueChange::Unit {
        unit: Unit::InputTokens,
        parents: vec![Unit::CachedInputTokens],
        label: String::new(),
    };
    let changes = cataloguing(&[planning(plan("free", "0")), change]);
    assert_eq!(write(store, None, changes).unwrap_err().code(), "invalid_usage");
    let catalogue = store.catalogue().unwrap();
    assert_eq!((catalogue.version, catalogue.plans.len()), (1, 0));
    assert_eq!(catalogue.units, UnitTree::default());
}
