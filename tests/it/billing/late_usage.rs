//! Late usage: what arrives after a period was closed is in the next draft, once.

use alwrity_metering::{
    LineKind, Matcher, PriceVersion, Rate, Subscribe, Unit, UserInvoice, Variant,
};

use super::{Desk, at, usd};

fn invoice(desk: &Desk, period: &str) -> UserInvoice {
    desk.meter.invoice("u", &period.parse().unwrap()).unwrap()
}

fn finalize(desk: &Desk, period: &str) -> UserInvoice {
    desk.meter.finalize_invoice("u", &period.parse().unwrap()).unwrap()
}

/// Kind and amount of the lines that are adjustments.
fn adjustments(own: &UserInvoice) -> Vec<(LineKind, String)> {
    own.invoice
        .lines
        .iter()
        .filter(|line| line.adjusts.is_some())
        .map(|line| (line.kind, line.amount_usd.to_string()))
        .collect()
}

fn of(rows: &[(LineKind, &str)]) -> Vec<(LineKind, String)> {
    rows.iter().map(|(kind, amount)| (*kind, (*amount).to_owned())).collect()
}

/// A subscriber of a plan that includes 5 dollars, with 4.5 spent in April, which is closed.
fn closed_april() -> Desk {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("metered").paid("ch_1")).unwrap();
    desk.spend_at("u", "m", "4.5", "2025-04-20T00:00:00Z");
    desk.go_to("2025-05-02T00:00:00Z");
    finalize(&desk, "2025-04");
    desk
}

#[test]
fn regression_26_late_usage_counts_in_its_own_period_and_is_billed_as_an_adjustment() {
    let desk = closed_april();
    let before = invoice(&desk, "2025-04");
    // An event exactly at the boundary belongs to the period that starts there.
    desk.spend_at("u", "m", "0.25", "2025-05-01T00:00:00Z");
    assert_eq!(adjustments(&invoice(&desk, "2025-05")), []);
    desk.spend_at("u", "m", "1", "2025-04-30T23:59:59.999999Z");
    assert_eq!(invoice(&desk, "2025-04"), before, "what is closed stays");
    let summary = desk.meter.usage_summary("u", &"2025-04".parse().unwrap()).unwrap();
    assert_eq!(summary.total_cost, usd("5.5"), "usage counts in the period of its own time");
    // 0.5 of it were still within April's fee.
    let may = invoice(&desk, "2025-05");
    let expected = of(&[(LineKind::Adjustment, "1"), (LineKind::AdjustmentIncluded, "-0.5")]);
    assert_eq!(adjustments(&may), expected);
    assert_eq!(may.overage_cost_usd, usd("0.5"));
    assert_eq!(may.invoice.total_usd, usd("99.5"));
    assert_eq!(may.invoice.total_calls, 1, "the late call is not a call of May");
    let late = may.invoice.lines.iter().find(|line| line.adjusts.is_some()).unwrap();
    assert_eq!((late.adjusts, late.calls), (Some(at("2025-04-01T00:00:00Z")), 1));
    // Closed with May, it is not billed again; what is later still is in June.
    desk.go_to("2025-06-02T00:00:00Z");
    finalize(&desk, "2025-05");
    assert_eq!(adjustments(&invoice(&desk, "2025-06")), []);
    desk.spend_at("u", "m", "2", "2025-04-30T00:00:00Z");
    assert_eq!(adjustments(&invoice(&desk, "2025-06")), of(&[(LineKind::Adjustment, "2")]));
    desk.assert_verified();
}

#[test]
fn usage_of_a_plan_that_includes_all_is_told_and_costs_nothing() {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-05-02T00:00:00Z");
    finalize(&desk, "2025-04");
    desk.spend_at("u", "m", "3", "2025-04-30T00:00:00Z");
    let may = invoice(&desk, "2025-05");
    let expected = of(&[(LineKind::Adjustment, "3"), (LineKind::AdjustmentIncluded, "-3")]);
    assert_eq!(adjustments(&may), expected);
    assert_eq!(may.invoice.total_usd, usd("29"));
}

#[test]
fn a_cost_that_becomes_known_is_an_adjustment_too() {
    let desk = closed_april();
    desk.meter.void_invoice("u", &"2025-04".parse().unwrap(), "again").unwrap();
    let call = alwrity_metering::CallRecord {
        occurred_at: Some(at("2025-04-21T00:00:00Z")),
        ..alwrity_metering::CallRecord::new(
            "u",
            "gemini",
            "nameless",
            alwrity_metering::Usage::tokens(1_000_000, 0),
        )
    };
    desk.meter.record_call(&call).unwrap();
    let april = finalize(&desk, "2025-04");
    let unknown = april.invoice.lines.iter().find(|line| line.unpriced_calls > 0).unwrap();
    assert_eq!((unknown.calls, unknown.amount_usd), (1, usd("0")));
    let said = "gemini nameless (1 call, 1000000 tokens, 1 of unknown cost)";
    assert!(april.to_text().unwrap().contains(said), "an unknown cost is not shown as none");
    let rate =
        Rate { unit: Unit::InputTokens, above_input_tokens: 0, amount: usd("3"), per: 1_000_000 };
    let price = PriceVersion {
        id: 0,
        provider: "gemini".into(),
        matcher: Matcher::Exact,
        model: "nameless".into(),
        variant: Variant::Standard,
        operation: None,
        effective_from: at("2025-01-01T00:00:00Z"),
        source: "test".into(),
        rates: vec![rate],
    };
    desk.meter.put_price(&price).unwrap();
    desk.meter.re_rate().unwrap();
    let may = invoice(&desk, "2025-05");
    let expected = of(&[(LineKind::Adjustment, "3"), (LineKind::AdjustmentIncluded, "-0.5")]);
    assert_eq!(adjustments(&may), expected);
    assert_eq!(invoice(&desk, "2025-04"), april);
    desk.assert_verified();
}

#[test]
fn an_adjustment_that_was_billed_is_not_billed_again_when_its_period_is_closed_anew() {
    let desk = closed_april();
    desk.spend_at("u", "m", "2", "2025-04-30T00:00:00Z");
    desk.go_to("2025-06-02T00:00:00Z");
    finalize(&desk, "2025-05");
    desk.meter.void_invoice("u", &"2025-04".parse().unwrap(), "again").unwrap();
    // 4.5 of the 6.5 are left for April; 0.5 of its fee went into May's adjustment.
    let april = finalize(&desk, "2025-04");
    assert_eq!(april.usage_cost_usd, usd("4.5"));
    assert_eq!(april.overage_cost_usd, usd("0"));
    assert_eq!(adjustments(&invoice(&desk, "2025-06")), []);
    let billed: Vec<_> =
        ["2025-04", "2025-05"].iter().map(|own| invoice(&desk, own).overage_cost_usd).collect();
    assert_eq!(billed, [usd("0"), usd("1.5")], "6.5 used, 5 included");
}
