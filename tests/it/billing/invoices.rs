//! Invoices: their lines, their rounding, and how they look.

use alwrity_metering::domain::invoice::is_intact;
use alwrity_metering::{
    InvoicePaid, InvoiceState, LineKind, Money, Payment, PaymentStatus, Subscribe, UserInvoice,
};

use super::{Desk, at, usd};

fn invoice(desk: &Desk, period: &str) -> UserInvoice {
    desk.meter.invoice("u", &period.parse().unwrap()).unwrap()
}

/// Kind, model and amount of every line.
fn lines(own: &UserInvoice) -> Vec<(LineKind, String, String)> {
    let shown = |line: &alwrity_metering::InvoiceLine| {
        let of = line.model.clone().or_else(|| line.plan_id.clone()).unwrap_or_default();
        (line.kind, of, line.amount_usd.to_string())
    };
    own.invoice.lines.iter().map(shown).collect()
}

fn line(kind: LineKind, of: &str, amount: &str) -> (LineKind, String, String) {
    (kind, of.to_owned(), amount.to_owned())
}

fn subscriber(plan: &str) -> Desk {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly(plan).paid("ch_1")).unwrap();
    desk
}

#[test]
fn usage_within_the_fee_is_shown_and_costs_nothing() {
    let desk = subscriber("basic");
    desk.spend_at("u", "b", "1.234", "2025-04-03T00:00:00Z");
    desk.spend_at("u", "a", "0.5", "2025-04-03T00:00:00Z");
    let own = invoice(&desk, "current");
    let expected = [
        line(LineKind::Fee, "basic", "29"),
        line(LineKind::Usage, "a", "0.5"),
        line(LineKind::Usage, "b", "1.23"),
        line(LineKind::Included, "", "-1.73"),
    ];
    assert_eq!(lines(&own), expected);
    assert_eq!((own.invoice.total_usd, own.overage_cost_usd), (usd("29"), usd("0")));
    assert_eq!((own.base_cost_usd, own.usage_cost_usd), (usd("29"), usd("1.73")));
    assert_eq!(own.invoice.lines[2].cost_usd, usd("1.234"), "the exact cost is there too");
    assert_eq!((own.invoice.total_calls, own.invoice.total_tokens), (2, 30));
    assert_eq!(own.invoice.state, InvoiceState::Draft);
}

#[test]
fn overage_is_what_the_plan_does_not_include() {
    let desk = subscriber("metered");
    desk.spend_at("u", "m", "4.99", "2025-04-03T00:00:00Z");
    assert_eq!(invoice(&desk, "current").overage_cost_usd, usd("0"));
    desk.spend_at("u", "m", "2.011", "2025-04-04T00:00:00Z");
    let own = invoice(&desk, "current");
    let expected = [
        line(LineKind::Fee, "metered", "99"),
        line(LineKind::Usage, "m", "7"),
        line(LineKind::Included, "", "-5"),
    ];
    assert_eq!(lines(&own), expected);
    assert_eq!((own.overage_cost_usd, own.invoice.total_usd), (usd("2"), usd("101")));
    assert_eq!(own.due_usd, usd("2"));
}

#[test]
fn regression_18_a_million_sub_cent_charges_add_up_and_each_line_rounds_once() {
    let desk = subscriber("metered");
    for model in ["x", "y", "z"] {
        // A thousand records of a thousand calls at 0.0000030045 each.
        for _ in 0..100 {
            let call = alwrity_metering::CallRecord {
                vendor_cost_usd: Some(usd("0.030045")),
                call_count: 10_000,
                ..alwrity_metering::CallRecord::new("u", "gemini", model, Default::default())
            };
            desk.meter.record_call(&call).unwrap();
        }
    }
    let own = invoice(&desk, "current");
    let usage: Vec<_> =
        own.invoice.lines.iter().filter(|line| line.kind == LineKind::Usage).collect();
    assert_eq!(usage.len(), 3);
    for line in &usage {
        assert_eq!((line.calls, line.cost_usd), (1_000_000, usd("3.0045")));
        assert_eq!(line.amount_usd, usd("3"), "rounded once, at the end");
    }
    let total = Money::sum(own.invoice.lines.iter().map(|line| line.amount_usd)).unwrap();
    assert_eq!(total, own.invoice.total_usd);
    assert_eq!(own.overage_cost_usd, usd("4"));
    let summary = desk.meter.usage_summary("u", &Default::default()).unwrap();
    assert_eq!(summary.total_cost, usd("9.0135"), "the exact total is not rounded");
}

#[test]
fn an_upgrade_within_the_period_has_its_lines() {
    let desk = subscriber("basic");
    desk.go_to("2025-04-16T00:00:00Z");
    desk.meter.upgrade("u", "pro", None, Payment::Reference("ch_2".into())).unwrap();
    let own = invoice(&desk, "2025-04");
    let expected = [
        line(LineKind::Fee, "basic", "29"),
        line(LineKind::ProrationCredit, "basic", "-14.5"),
        line(LineKind::ProrationCharge, "pro", "39.5"),
    ];
    assert_eq!(lines(&own), expected);
    assert_eq!((own.invoice.total_usd, own.due_usd), (usd("54"), usd("0")));
    assert_eq!(own.invoice.plan_id, "pro");
}

#[test]
fn a_part_of_a_fee_is_no_fee_also_when_nothing_is_given_back() {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("free")).unwrap();
    desk.go_to("2025-04-16T00:00:00Z");
    let paid = alwrity_metering::Payment::Reference("ch_1".into());
    desk.meter.upgrade("u", "basic", None, paid).unwrap();
    let own = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    let lines: Vec<_> = own.invoice.lines.iter().map(|line| (line.kind, line.amount_usd)).collect();
    assert_eq!(lines, [(LineKind::ProrationCharge, usd("14.5"))], "half of 29");
    assert_eq!((own.base_cost_usd, own.due_usd), (usd("14.5"), usd("0")));
    // What was paid ahead is told with its reference.
    let payment = &own.invoice.payment;
    assert_eq!(payment.reference.as_deref(), Some("ch_1"));
    assert_eq!(payment.paid_at, Some("2025-04-16T00:00:00Z".parse().unwrap()));
}

#[test]
fn free_months_before_a_subscription_are_periods_of_their_own() {
    let desk = Desk::at("2025-04-10T00:00:00Z");
    desk.spend("u", "0.1");
    desk.go_to("2025-04-15T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.spend("u", "0.2");
    let history = desk.meter.billing_history("u").unwrap();
    let shown: Vec<_> = history
        .iter()
        .map(|own| (own.invoice.period.starts_at, own.invoice.total_usd, own.usage_cost_usd))
        .collect();
    let expected = [
        (at("2025-04-15T00:00:00Z"), usd("29"), usd("0.2")),
        (at("2025-04-01T00:00:00Z"), usd("0"), usd("0.1")),
    ];
    assert_eq!(shown, expected);
    assert_eq!(history[1].invoice.period.ends_at, at("2025-04-15T00:00:00Z"));
    let error = desk.meter.invoice("u", &"2025-04".parse().unwrap()).unwrap_err();
    assert_eq!(error.code(), "unknown_invoice");
    assert!(error.to_string().contains("2025-04-15T00:00:00Z"), "{error}");
    let free = invoice(&desk, "2025-04-01T00:00:00Z");
    assert_eq!(free.invoice.plan_id, "free");
    assert!("next week".parse::<alwrity_metering::InvoiceChoice>().is_err());
    let unknown = desk.meter.invoice("u", &"2024-04".parse().unwrap()).unwrap_err();
    assert_eq!(unknown.code(), "unknown_invoice");
}

#[test]
fn text_and_html_show_every_line_and_escape_what_the_host_gave() {
    let desk = subscriber("metered");
    desk.spend_at("u", "<script>\"m\"&'", "7.5", "2025-04-03T00:00:00Z");
    desk.go_to("2025-05-01T00:00:00Z");
    let own = desk.meter.finalize_invoice("u", &"2025-04".parse().unwrap()).unwrap();
    let text = own.to_text().unwrap();
    for part in ["Invoice 2025-04", "metered, monthly fee", "99.00", "7.50", "-5.00", "101.50"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(text.contains(own.invoice.hash.as_ref().unwrap()));
    assert!(text.lines().all(|line| line.trim_end() == line));
    let html = own.to_html().unwrap();
    assert!(html.contains("&lt;script&gt;&quot;m&quot;&amp;&#39;"), "{html}");
    assert!(!html.contains("<script"), "{html}");
    let json = serde_json::to_value(&own).unwrap();
    assert_eq!(json["total_usd"], "101.5");
    assert_eq!(json["lines"][0]["amount_usd"], "99");
}

#[test]
fn a_finalized_invoice_never_changes_but_for_its_payment() {
    let desk = subscriber("metered");
    desk.spend_at("u", "m", "7.5", "2025-04-03T00:00:00Z");
    let running = desk.meter.finalize_invoice("u", &"current".parse().unwrap()).unwrap_err();
    assert_eq!(running.code(), "invoice_state");
    desk.go_to("2025-05-01T00:00:00Z");
    let april = "2025-04".parse().unwrap();
    let first = desk.meter.finalize_invoice("u", &april).unwrap();
    assert_eq!(first.invoice.state, InvoiceState::Finalized);
    assert_eq!(first.invoice.hash.as_ref().map(String::len), Some(64));
    assert!(is_intact(&first.invoice, 1) && !is_intact(&first.invoice, 2));
    assert_eq!(desk.meter.finalize_invoice("u", &april).unwrap(), first, "closing is idempotent");
    // Neither a new fee nor a change of plan reaches it.
    let mut plan = desk.meter.catalogue().unwrap().plan("metered").unwrap().clone();
    plan.price_monthly_usd = usd("199");
    desk.meter.put_plan(&plan).unwrap();
    assert_eq!(desk.meter.invoice("u", &april).unwrap(), first);
    let paid = InvoicePaid {
        status: PaymentStatus::Failed,
        reference: Some("ch_2".into()),
        stripe_invoice_id: Some("in_1".into()),
    };
    let failed = desk.meter.set_invoice_payment("u", &april, &paid).unwrap();
    assert_eq!(failed.invoice.payment.status, PaymentStatus::Failed);
    let paid = InvoicePaid { status: PaymentStatus::Paid, reference: None, ..paid };
    let settled = desk.meter.set_invoice_payment("u", &april, &paid).unwrap();
    assert_eq!(settled.invoice.payment.paid_at, Some(at("2025-05-01T00:00:00Z")));
    assert_eq!(settled.invoice.payment.reference.as_deref(), Some("ch_2"));
    assert_eq!(settled.invoice.hash, first.invoice.hash);
    desk.assert_verified();
}

#[test]
fn a_void_invoice_is_kept_and_its_period_is_a_draft_again() {
    let desk = subscriber("metered");
    let april = "2025-04".parse().unwrap();
    let error = desk.meter.void_invoice("u", &april, "wrong fee").unwrap_err();
    assert_eq!(error.code(), "invoice_state");
    desk.go_to("2025-05-01T00:00:00Z");
    desk.meter.finalize_invoice("u", &april).unwrap();
    let void = desk.meter.void_invoice("u", &april, "wrong fee").unwrap();
    assert_eq!(void.invoice.state, InvoiceState::Void);
    assert_eq!(desk.meter.invoice("u", &april).unwrap().invoice.state, InvoiceState::Draft);
    desk.spend_at("u", "m", "7.5", "2025-04-30T00:00:00Z");
    let again = desk.meter.finalize_invoice("u", &april).unwrap();
    assert_eq!((again.invoice.id, again.invoice.total_usd), (2, usd("101.5")));
    let states: Vec<_> =
        desk.meter.billing_history("u").unwrap().iter().map(|own| own.invoice.state).collect();
    assert_eq!(states, [InvoiceState::Draft, InvoiceState::Void, InvoiceState::Finalized]);
    desk.assert_verified();
}
