//! `invoice`.

use crate::bench::{Bench, words};

/// A subscriber who spent in October, looked at in November.
fn bench() -> Bench {
    let bench = Bench::new();
    let october = words("--at 2025-10-01T00:00:00Z subscribe u1 --plan basic --payment ch_1");
    assert_eq!(bench.run(&october).code, 0);
    let call = "record u1 --provider gemini --model m --input-tokens 10 \
                --vendor-cost-usd 1.234";
    let ran = bench.run_at_noon(&words(call));
    assert_eq!(ran.code, 0, "{ran}");
    bench
}

const NOVEMBER: &str = "--at 2025-11-02T00:00:00Z";

#[test]
fn an_invoice_is_shown_closed_paid_and_voided() {
    let bench = bench();
    bench.run_at_noon(&["invoice", "u1"]).shows(
        "
        exit 0
        --- out
        Invoice 2025-10

        user          u1
        period        2025-10-01T00:00:00Z to 2025-11-01T00:00:00Z
        plan          Basic, monthly
        state         draft

        basic, monthly fee                                                 29.00
        gemini m (1 call, 10 tokens)                                        1.23
        usage included in the fee                                          -1.23
        ------------------------------------------------------------------------
        total, USD                                                         29.00
        paid ahead                                                         29.00
        payment                                                             paid
        ",
    );
    let early = bench.run_at_noon(&words("invoice finalize u1 --period 2025-10"));
    assert_eq!(early.code, 1, "{early}");
    let run = |line: &str| bench.run(&words(&format!("{NOVEMBER} {line}")));
    let json = |line: &str| run(&format!("--json {line}")).json();
    let closed = json("invoice finalize u1 --period 2025-10");
    assert_eq!((&closed["state"], &closed["total_usd"]), (&"finalized".into(), &"29".into()));
    assert_eq!(json("invoice finalize u1 --period 2025-10"), closed);
    let paid = json("invoice pay u1 --period 2025-10 --stripe-invoice-id in_1");
    assert_eq!(paid["payment"]["stripe_invoice_id"], "in_1");
    assert_eq!(paid["hash"], closed["hash"]);
    let html = run("invoice u1 --period 2025-10 --format html");
    assert!(html.out.starts_with("<!DOCTYPE html>"), "{html}");
    let list = run("invoice u1 --list");
    assert_eq!(list.out.lines().count(), 3, "{list}");
    let void = json("invoice void u1 --period 2025-10 --reason wrong");
    assert_eq!(void["state"], "void");
    assert_eq!(json("invoice u1 --period 2025-10")["state"], "draft");
    let exact = run("invoice u1 --period 2025-10 --format json").json();
    assert_eq!(exact["lines"][1]["cost_usd"], "1.234");
}

#[test]
fn every_period_that_has_ended_is_closed_at_once() {
    let bench = bench();
    let run = |line: &str| bench.run(&words(&format!("--at 2025-12-02T00:00:00Z --json {line}")));
    let closed = run("invoice finalize u1 --ended").json();
    let periods: Vec<&str> = closed
        .as_array()
        .unwrap()
        .iter()
        .map(|own| own["billing_period"].as_str().unwrap())
        .collect();
    assert_eq!(periods, ["2025-10", "2025-11"]);
    assert_eq!(run("invoice finalize u1 --ended").json(), serde_json::json!([]));
    assert_eq!(run("invoice finalize u1").code, 2);
    assert_eq!(run("invoice finalize u1 --ended --period 2025-10").code, 2);
}

#[test]
fn what_is_no_period_is_refused() {
    let bench = bench();
    assert_eq!(bench.run(&words("invoice u1 --period yesterday")).code, 2);
    let unknown = bench.run_at_noon(&words("invoice u1 --period 2024-01"));
    assert_eq!(unknown.code, 1, "{unknown}");
    assert!(unknown.err.contains("2025-10"), "{unknown}");
    assert_eq!(bench.run(&words("invoice void u1 --period 2025-10")).code, 2, "a reason is needed");
}
