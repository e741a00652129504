//! Saved answers: what is extracted from them costs what the golden file says, once each.
//!
//! The amounts were worked out by hand; a test here never writes them.

use std::collections::BTreeMap;
use std::path::Path;

use alwrity_metering::ingest::part_of;
use alwrity_metering::{
    CallRecord, Money, Timestamp, Unit, Usage, detect_body_text, extract_usage_text,
};
use serde::Deserialize;

use crate::scene::{Scene, assert_verified};

#[derive(Deserialize)]
struct Golden {
    occurred_at: Timestamp,
    cases: Vec<Priced>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Priced {
    case: String,
    model: Option<String>,
    operation: Option<String>,
    cost_usd: Option<Money>,
    /// What it costs without the vendor's word.
    list_cost_usd: Option<Money>,
    #[serde(rename = "sum")]
    _sum: String,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    file: String,
    provider: String,
    usage: Option<Usage>,
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn bodies() -> BTreeMap<String, Case> {
    let cases: Vec<Case> = serde_json::from_str(&read("ingest/cases.json")).unwrap();
    cases.into_iter().map(|case| (case.id.clone(), case)).collect()
}

/// The record of a golden body, as a host makes it.
fn record(golden: &Golden, priced: &Priced, bodies: &BTreeMap<String, Case>) -> CallRecord {
    let body = &bodies[&priced.case];
    let text = read(&format!("ingest/{}", body.file));
    let found = extract_usage_text(&body.provider, &text).unwrap();
    let mut call = found.into_record("u", &body.provider);
    call.model = priced.model.clone().unwrap_or(call.model);
    let detected = detect_body_text(&text).operation.map(String::from);
    call.operation = priced.operation.clone().or(detected);
    call.occurred_at = Some(golden.occurred_at);
    call
}

#[test]
fn what_is_extracted_costs_what_the_golden_file_says() {
    let golden: Golden = serde_json::from_str(&read("answers.json")).unwrap();
    assert_eq!(golden.cases.len(), 31);
    let (scene, bodies) = (Scene::new(), bodies());
    scene.clock.set(golden.occurred_at);
    let mut total = Money::ZERO;
    for priced in &golden.cases {
        let call = record(&golden, priced, &bodies);
        let receipt = scene.meter.record_call(&call).unwrap();
        assert_eq!(receipt.cost_usd, priced.cost_usd, "{}: {:?}", priced.case, receipt.usage);
        let by_list = CallRecord { vendor_cost_usd: None, ..call };
        let quote = scene.meter.quote(&by_list).unwrap();
        let by_list = quote.cost_usd;
        assert_eq!(by_list, priced.list_cost_usd, "{}: {:?}", priced.case, quote.lines);
        total = total.plus(priced.cost_usd.unwrap_or_default()).unwrap();
    }
    let summary = scene.meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(summary.total_cost, total);
    assert_verified(&scene.meter);
}

#[test]
fn every_golden_body_can_be_recorded() {
    let scene = Scene::new();
    for case in bodies().into_values().filter(|case| case.usage.is_some()) {
        let text = read(&format!("ingest/{}", case.file));
        let found = extract_usage_text(&case.provider, &text).unwrap();
        let call = found.into_record("u", &case.provider);
        let receipt = scene.meter.record_call(&call);
        assert!(receipt.is_ok(), "{}: {receipt:?}", case.id);
    }
    assert_verified(&scene.meter);
}

/// The two rooms say the same of what is inside what, or a part would be billed twice.
#[test]
fn a_part_is_a_part_in_the_catalogue_too() {
    let units = read("../../catalogue/units.csv");
    let parents: BTreeMap<&str, Vec<&str>> = units
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            let name = cells.next().unwrap();
            (name, cells.next().unwrap().split_whitespace().collect())
        })
        .collect();
    let mut seen = 0;
    for case in bodies().values() {
        for (unit, _) in case.usage.iter().flat_map(Usage::iter) {
            let first = parents.get(unit.name()).and_then(|of| of.first().copied());
            assert_eq!(part_of(unit.name()), first, "{unit} of {}", case.id);
            seen += usize::from(first.is_some());
        }
    }
    for (name, of) in &parents {
        let is_known = name.parse::<Unit>().is_ok();
        // Texts are counted as what is left of a total.
        let is_rest = matches!(*name, "input_text_tokens" | "output_text_tokens");
        assert!(is_known && (is_rest || part_of(name) == of.first().copied()), "{name}");
    }
    assert!(seen > 60, "{seen}");
}
