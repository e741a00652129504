//! Payments: nobody gets a paid plan without one, and what waits takes nothing away.

use alwrity_metering::{
    CancelAt, ChangeKind, ExternalIds, Payment, PaymentStatus, Subscribe, SubscriptionStatus,
};

use super::{Desk, at, usd};

#[test]
fn regression_30_nobody_gets_a_paid_plan_without_a_payment() {
    let desk = Desk::at("2025-01-10T00:00:00Z");
    let waits = desk.meter.subscribe("u", &Subscribe::monthly("pro")).unwrap();
    assert_eq!(waits.status, SubscriptionStatus::Pending);
    assert_eq!(waits.payment_status, PaymentStatus::Pending);
    assert_eq!(waits.proration.due_usd, usd("79"));
    assert_eq!(desk.plan("u"), "free");
    // Doing it again, or for longer, does not help.
    desk.meter.subscribe("u", &Subscribe::yearly("pro")).unwrap();
    desk.meter.subscribe("u", &Subscribe::monthly("pro")).unwrap();
    desk.go_to("2026-01-10T00:00:00Z");
    assert_eq!(desk.plan("u"), "free");
    assert_eq!(desk.meter.subscription("u").unwrap().status, None);
    let refused = desk.meter.upgrade("u", "pro", None, Payment::Pending).unwrap_err();
    assert_eq!(refused.code(), "unknown_subscription");
}

#[test]
fn a_confirmed_payment_starts_a_new_phase_when_it_comes() {
    let desk = Desk::at("2025-01-10T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("pro")).unwrap();
    desk.go_to("2025-01-12T00:00:00Z");
    let external =
        ExternalIds { stripe_customer_id: Some("cus_1".into()), ..ExternalIds::default() };
    let confirmed = desk.meter.confirm_payment("u", "ch_1", external.clone()).unwrap();
    assert_eq!(confirmed.status, SubscriptionStatus::Active);
    assert_eq!(confirmed.billing_period.starts_at, at("2025-01-12T00:00:00Z"));
    let view = desk.meter.subscription("u").unwrap();
    assert_eq!((view.plan_id.as_str(), view.pending, view.external), ("pro", None, external));
    let other = desk.meter.confirm_payment("u", "ch_2", ExternalIds::default()).unwrap_err();
    assert_eq!(other.code(), "unknown_subscription");
}

#[test]
fn a_change_that_waits_takes_nothing_away_and_costs_what_was_shown() {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-04-16T00:00:00Z");
    let waits = desk.meter.upgrade("u", "pro", None, Payment::Pending).unwrap();
    assert_eq!((waits.status, waits.proration.due_usd), (SubscriptionStatus::Pending, usd("25")));
    assert_eq!(desk.plan("u"), "basic");
    let pending = desk.meter.subscription("u").unwrap().pending.unwrap();
    assert_eq!((pending.plan_id.as_str(), pending.amount_usd), ("pro", usd("25")));
    // Five days later it would cost less; the user pays what was shown, and the invoice agrees.
    desk.go_to("2025-04-21T00:00:00Z");
    desk.meter.confirm_payment("u", "ch_2", ExternalIds::default()).unwrap();
    assert_eq!(desk.plan("u"), "pro");
    let invoice = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(invoice.invoice.total_usd, usd("54"));
    assert_eq!(invoice.due_usd, usd("0"));
    assert_eq!(invoice.invoice.payment.status, PaymentStatus::Paid);
}

#[test]
fn a_new_change_takes_the_place_of_the_one_that_waits() {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("pro")).unwrap();
    desk.meter.subscribe("u", &Subscribe::monthly("basic")).unwrap();
    desk.meter.confirm_payment("u", "ch_1", ExternalIds::default()).unwrap();
    assert_eq!(desk.plan("u"), "basic", "only the last wish is paid for");
}

#[test]
fn a_plan_without_a_fee_needs_no_payment_and_a_waived_one_says_why() {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    let free = desk.meter.subscribe("u", &Subscribe::monthly("free")).unwrap();
    assert_eq!(
        (free.status, free.payment_status),
        (SubscriptionStatus::Active, PaymentStatus::Paid)
    );
    let waived = desk.meter.subscribe("u", &Subscribe::monthly("pro").waived("operator")).unwrap();
    assert_eq!(waived.payment_status, PaymentStatus::Waived);
    assert_eq!(desk.plan("u"), "pro");
    let entries = desk.meter.subscription_history("u", Default::default()).unwrap().entries;
    assert_eq!(entries[0].payment.reference.as_deref(), Some("operator"));
    let invoice = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(invoice.invoice.total_usd, usd("0"), "{:?}", invoice.invoice.lines);
    // The next period costs its fee.
    desk.go_to("2025-05-01T00:00:00Z");
    let invoice = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(invoice.invoice.total_usd, usd("79"));
}

#[test]
fn regression_30_subscribing_again_works_after_past_due_and_after_a_cancellation() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.spend("u", "0");
    desk.go_to("2025-03-05T00:00:00Z");
    desk.spend("u", "0");
    desk.meter.mark_past_due("u", at("2025-03-12T00:00:00Z")).unwrap();
    assert_eq!(desk.plan("u"), "basic", "within the grace");
    // Within the grace the phase and the usage stay.
    let again = desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_2")).unwrap();
    assert_eq!(again.change, Some(ChangeKind::Renewal));
    assert_eq!(again.billing_period.starts_at, at("2025-02-28T00:00:00Z"));
    assert_eq!(again.proration.due_usd, usd("29"));
    assert_eq!(desk.meter.limits("u").unwrap().limits[0].used.number(), 1);
    // After the grace it is a new subscription.
    desk.meter.mark_past_due("u", at("2025-03-12T00:00:00Z")).unwrap();
    desk.go_to("2025-03-20T00:00:00Z");
    assert_eq!(desk.plan("u"), "free");
    let new = desk.meter.subscribe("u", &Subscribe::monthly("pro").paid("ch_3")).unwrap();
    assert_eq!(new.change, Some(ChangeKind::New));
    assert_eq!(new.billing_period.starts_at, at("2025-03-20T00:00:00Z"));
    // And after a cancellation too.
    desk.meter.cancel("u", CancelAt::Now).unwrap();
    assert_eq!(desk.plan("u"), "free");
    desk.go_to("2025-03-25T00:00:00Z");
    let new = desk.meter.subscribe("u", &Subscribe::monthly("pro").paid("ch_4")).unwrap();
    assert_eq!(new.billing_period.starts_at, at("2025-03-25T00:00:00Z"));
    assert_eq!(desk.plan("u"), "pro");
    desk.assert_verified();
}

#[test]
fn regression_30_an_upgrade_keeps_what_was_used() {
    let desk = Desk::at("2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    for _ in 0..99 {
        desk.spend("u", "0.01");
    }
    let paid = Payment::Reference("ch_2".into());
    let before = desk.meter.usage_summary("u", &Default::default()).unwrap();
    desk.meter.upgrade("u", "pro", None, paid).unwrap();
    let after = desk.meter.usage_summary("u", &Default::default()).unwrap();
    assert_eq!((after.total_calls, after.total_cost), (before.total_calls, before.total_cost));
    assert_eq!(after.limits[0].used.number(), 99);
    assert_eq!(after.limits[0].remaining.map(alwrity_metering::Amount::number), Some(901));
    let snapshot = desk.meter.subscription_history("u", Default::default()).unwrap().entries[0]
        .usage_before
        .clone()
        .unwrap();
    assert_eq!((snapshot.total_calls, snapshot.total_tokens), (99, 99 * 15));
    assert_eq!(snapshot.total_cost_usd, usd("0.99"));
    assert_eq!(snapshot.calls_by_provider["gemini"], 99);
    assert_eq!(snapshot.usage_status.name(), "warning", "99 of 100 before");
    assert_eq!(after.usage_status.name(), "active", "99 of 1000 now");
}

#[test]
fn a_payment_that_is_told_twice_pays_once() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    let meter = &desk.meter;
    let paid = |reference: &str| Payment::Reference(reference.into());
    meter.subscribe("u", &Subscribe { auto_renew: false, ..Subscribe::monthly("basic") }).unwrap();
    let confirm = |reference: &str| meter.confirm_payment("u", reference, ExternalIds::default());
    assert!(!confirm("ch_1").unwrap().is_repeat);
    assert!(confirm("ch_1").unwrap().is_repeat);
    assert_eq!(confirm("ch_2").unwrap_err().code(), "unknown_subscription");
    // Paid ahead, where each payment buys one more period.
    let end = |month: &str| Some(at(&format!("2025-{month}T00:00:00Z")));
    for is_repeat in [false, true] {
        let renewed = meter.renew("u", paid("ch_2")).unwrap();
        assert_eq!((renewed.grants_until, renewed.is_repeat), (end("03-31"), is_repeat));
    }
    assert_eq!(meter.renew("u", paid("ch_3")).unwrap().grants_until, end("04-30"));
    // Also long after.
    desk.go_to("2025-09-01T00:00:00Z");
    assert!(meter.renew("u", paid("ch_2")).unwrap().is_repeat);
    assert_eq!(desk.plan("u"), "free");
    assert!(!meter.renew("u", paid("ch_4")).unwrap().is_repeat);
    assert_eq!(desk.plan("u"), "basic");
}
