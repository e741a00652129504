//! Changes: what each does now, what it schedules, and what it refuses.

use alwrity_metering::{
    BillingCycle, CancelAt, Change, ChangeKind, Error, Payment, Subscribe, SubscriptionStatus,
};

use super::{Desk, at, usd};

fn paid(reference: &str) -> Payment {
    Payment::Reference(reference.into())
}

/// A basic subscriber since the 31st of January, on the 10th of February.
fn basic() -> Desk {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-02-10T00:00:00Z");
    desk
}

/// A subscriber of a plan on the 10th of February, since the 31st of January.
fn pro(cycle: BillingCycle) -> Desk {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    let wish = Subscribe { billing_cycle: cycle, ..Subscribe::monthly("pro") };
    desk.meter.subscribe("u", &wish.paid("ch_1")).unwrap();
    desk.go_to("2025-02-10T00:00:00Z");
    desk
}

#[test]
fn a_preview_shows_to_the_cent_what_the_change_then_does() {
    let desk = basic();
    let change = Change::Upgrade { plan_id: "pro".into(), billing_cycle: None };
    let preview = desk.meter.preview_change("u", &change).unwrap();
    assert_eq!(desk.plan("u"), "basic", "a preview changes nothing");
    // 18 of 28 days are left: 29 × 18/28 = 18.642…, 79 × 18/28 = 50.785…
    assert_eq!(preview.proration.credit_usd, usd("18.64"));
    assert_eq!(preview.proration.charge_usd, usd("50.79"));
    assert_eq!(preview.proration.due_usd, usd("32.15"));
    assert_eq!((preview.plan_id.as_str(), preview.fee_usd), ("pro", usd("79")));
    let done = desk.meter.upgrade("u", "pro", None, paid("ch_2")).unwrap();
    assert_eq!(done.proration, preview.proration);
    assert_eq!(done.billing_period, preview.billing_period);
    assert_eq!(desk.plan("u"), "pro");
}

#[test]
fn a_downgrade_waits_for_the_period_end_and_can_be_withdrawn() {
    let desk = pro(BillingCycle::Monthly);
    let receipt = desk.meter.downgrade("u", "basic").unwrap();
    assert_eq!(receipt.starts_at, at("2025-02-28T00:00:00Z"));
    assert!(desk.meter.downgrade("u", "basic").unwrap().is_repeat);
    assert_eq!(desk.plan("u"), "pro");
    let scheduled = desk.meter.subscription("u").unwrap().scheduled.unwrap();
    assert_eq!((scheduled.change, scheduled.plan_id.as_str()), (ChangeKind::Downgrade, "basic"));
    desk.meter.withdraw_change("u").unwrap();
    assert!(desk.meter.withdraw_change("u").unwrap().is_repeat);
    assert_eq!(desk.meter.subscription("u").unwrap().scheduled, None);
    desk.meter.downgrade("u", "free").unwrap();
    desk.meter.downgrade("u", "basic").unwrap();
    desk.go_to("2025-02-28T00:00:00Z");
    assert_eq!(desk.plan("u"), "basic", "the last one that was scheduled");
    let invoice = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(invoice.invoice.total_usd, usd("29"));
}

#[test]
fn an_upgrade_calls_a_scheduled_downgrade_off() {
    let desk = pro(BillingCycle::Monthly);
    desk.meter.downgrade("u", "basic").unwrap();
    desk.meter.upgrade("u", "metered", None, paid("ch_2")).unwrap();
    desk.go_to("2025-03-01T00:00:00Z");
    assert_eq!(desk.plan("u"), "metered");
}

#[test]
fn a_year_begins_with_the_running_month_and_ends_into_months_again() {
    let desk = basic();
    let receipt = desk.meter.change_cycle("u", BillingCycle::Yearly, paid("ch_2")).unwrap();
    // Days left: 355 of the 365 from the 31st of January, 18 of 28. 290 × 355/365 = 282.054…
    assert_eq!(receipt.proration.charge_usd, usd("282.05"));
    assert_eq!(receipt.proration.credit_usd, usd("18.64"));
    assert_eq!(receipt.billing_period.starts_at, at("2025-01-31T00:00:00Z"));
    assert_eq!(receipt.billing_period.ends_at, at("2026-01-31T00:00:00Z"));
    desk.go_to("2025-06-10T00:00:00Z");
    let back = desk.meter.change_cycle("u", BillingCycle::Monthly, Payment::Pending).unwrap();
    assert_eq!(back.starts_at, at("2026-01-31T00:00:00Z"));
    assert_eq!(back.status, SubscriptionStatus::Active, "nothing is due for it");
    desk.go_to("2026-03-01T00:00:00Z");
    let view = desk.meter.subscription("u").unwrap();
    assert_eq!(view.billing_period.starts_at, at("2026-02-28T00:00:00Z"));
    assert_eq!(view.billing_period.ends_at, at("2026-03-31T00:00:00Z"));
}

#[test]
fn a_year_that_begins_in_the_fifth_month_keeps_the_phase_of_the_months() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-06-10T00:00:00Z");
    let wish = Change::Upgrade { plan_id: "pro".into(), billing_cycle: Some(BillingCycle::Yearly) };
    let preview = desk.meter.preview_change("u", &wish).unwrap();
    let cycle = Some(BillingCycle::Yearly);
    let receipt = desk.meter.upgrade("u", "pro", cycle, paid("ch_2")).unwrap();
    assert_eq!(receipt.proration, preview.proration);
    assert_eq!(receipt.billing_period.starts_at, at("2025-05-31T00:00:00Z"));
    assert_eq!(receipt.billing_period.ends_at, at("2026-05-31T00:00:00Z"));
    assert_eq!(receipt.usage_period.ends_at, at("2025-06-30T00:00:00Z"));
    desk.go_to("2025-07-31T00:00:00Z");
    let view = desk.meter.subscription("u").unwrap();
    assert_eq!(view.usage_period.ends_at, at("2025-08-31T00:00:00Z"));
    assert_eq!(view.billing_period, receipt.billing_period);
}

#[test]
fn a_cancellation_ends_with_the_period_or_at_once() {
    let desk = basic();
    let receipt = desk.meter.cancel("u", CancelAt::PeriodEnd).unwrap();
    assert_eq!(receipt.starts_at, at("2025-02-28T00:00:00Z"));
    assert!(desk.meter.cancel("u", CancelAt::PeriodEnd).unwrap().is_repeat);
    let view = desk.meter.subscription("u").unwrap();
    assert_eq!((view.renews_at, view.grants_until), (None, Some(at("2025-02-28T00:00:00Z"))));
    desk.go_to("2025-02-27T23:59:59.999999Z");
    assert_eq!(desk.plan("u"), "basic");
    desk.go_to("2025-02-28T00:00:00Z");
    assert_eq!(desk.plan("u"), "free");
    assert_eq!(desk.meter.renew("u", paid("ch")).unwrap_err().code(), "subscription_state");
    assert!(desk.meter.cancel("u", CancelAt::Now).unwrap().is_repeat);
    // Subscribing to the same plan before the end only takes the end back.
    let desk = basic();
    desk.meter.cancel("u", CancelAt::PeriodEnd).unwrap();
    let back = desk.meter.subscribe("u", &Subscribe::monthly("basic")).unwrap();
    assert_eq!((back.change, back.status), (None, SubscriptionStatus::Active));
    desk.go_to("2025-03-01T00:00:00Z");
    assert_eq!(desk.plan("u"), "basic");
}

#[test]
fn a_suspension_grants_nothing_and_keeps_the_phase() {
    let desk = basic();
    desk.meter.suspend("u").unwrap();
    assert!(desk.meter.suspend("u").unwrap().is_repeat);
    assert_eq!(desk.plan("u"), "free");
    let wish = Subscribe::monthly("pro").paid("ch_2");
    assert_eq!(desk.meter.subscribe("u", &wish).unwrap_err().code(), "subscription_state");
    desk.go_to("2025-03-10T00:00:00Z");
    desk.meter.resume("u").unwrap();
    assert_eq!(desk.meter.resume("u").unwrap_err().code(), "subscription_state");
    let view = desk.meter.subscription("u").unwrap();
    assert_eq!(view.plan_id, "basic");
    assert_eq!(view.billing_period.starts_at, at("2025-02-28T00:00:00Z"));
}

#[test]
fn a_late_payment_that_was_suspended_is_late_again() {
    let desk = basic();
    desk.meter.mark_past_due("u", at("2025-02-20T00:00:00Z")).unwrap();
    desk.meter.suspend("u").unwrap();
    desk.go_to("2025-02-15T00:00:00Z");
    assert_eq!(desk.meter.resume("u").unwrap().status, SubscriptionStatus::PastDue);
    assert_eq!(desk.plan("u"), "basic");
    desk.go_to("2025-02-20T00:00:00Z");
    assert_eq!(desk.plan("u"), "free", "the grace went on");
}

#[test]
fn a_late_payment_calls_a_scheduled_change_off_but_not_the_end() {
    let desk = pro(BillingCycle::Monthly);
    desk.meter.downgrade("u", "basic").unwrap();
    desk.meter.mark_past_due("u", at("2025-02-12T00:00:00Z")).unwrap();
    desk.go_to("2025-03-01T00:00:00Z");
    assert_eq!(desk.plan("u"), "free", "nobody gets the cheaper plan for nothing");
    let desk = pro(BillingCycle::Monthly);
    desk.meter.cancel("u", CancelAt::PeriodEnd).unwrap();
    desk.meter.mark_past_due("u", at("2025-04-12T00:00:00Z")).unwrap();
    desk.go_to("2025-03-01T00:00:00Z");
    let status = desk.meter.subscription("u").unwrap().status;
    assert_eq!(status, Some(SubscriptionStatus::Cancelled));
}

#[test]
fn regression_25_what_does_not_renew_by_itself_is_renewed_by_hand_in_its_phase() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    let once = Subscribe { auto_renew: false, ..Subscribe::monthly("basic").paid("ch_1") };
    desk.meter.subscribe("u", &once).unwrap();
    desk.go_to("2025-02-10T00:00:00Z");
    // Ahead of time: one more period.
    let ahead = desk.meter.renew("u", paid("ch_2")).unwrap();
    assert_eq!(ahead.grants_until, Some(at("2025-03-31T00:00:00Z")));
    desk.go_to("2025-03-30T00:00:00Z");
    assert_eq!(desk.plan("u"), "basic");
    desk.go_to("2025-03-31T00:00:00Z");
    assert_eq!(desk.plan("u"), "free");
    // Two months late: the missed ones are skipped in one step.
    desk.go_to("2025-06-10T00:00:00Z");
    assert_eq!(desk.meter.subscription("u").unwrap().status, Some(SubscriptionStatus::Expired));
    let late = desk.meter.renew("u", paid("ch_3")).unwrap();
    assert_eq!(late.grants_until, Some(at("2025-06-30T00:00:00Z")));
    assert_eq!(late.billing_period.starts_at, at("2025-05-31T00:00:00Z"));
    let mut totals = Vec::new();
    for own in desk.meter.billing_history("u").unwrap().iter().rev() {
        totals.push((own.billing_period.clone(), own.invoice.total_usd, own.due_usd));
    }
    let month = |label: &str| (label.to_owned(), usd("29"), usd("0"));
    assert_eq!(totals, [month("2025-01"), month("2025-02"), month("2025-05")]);
}

#[test]
fn a_payment_of_a_running_period_is_noted_once() {
    let desk = basic();
    assert!(desk.meter.renew("u", paid("ch_2")).unwrap().is_repeat, "it was paid with the start");
    desk.go_to("2025-03-01T00:00:00Z");
    let due = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(due.due_usd, usd("29"));
    assert!(!desk.meter.renew("u", paid("ch_3")).unwrap().is_repeat);
    assert!(desk.meter.renew("u", paid("ch_3")).unwrap().is_repeat);
    let due = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!((due.invoice.total_usd, due.due_usd), (usd("29"), usd("0")));
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let desk = basic();
    let code = |outcome: Result<_, Error>| {
        outcome.map(|_: alwrity_metering::SubscriptionReceipt| ()).unwrap_err().code()
    };
    let meter = &desk.meter;
    assert_eq!(code(meter.upgrade("u", "free", None, paid("x"))), "invalid_plan");
    assert_eq!(code(meter.upgrade("u", "basic", None, paid("x"))), "invalid_plan");
    assert_eq!(code(meter.downgrade("u", "pro")), "invalid_plan");
    assert_eq!(code(meter.upgrade("u", "nonsense", None, paid("x"))), "unknown_plan");
    assert_eq!(code(meter.downgrade("nobody", "free")), "unknown_subscription");
    assert_eq!(code(meter.cancel("nobody", CancelAt::Now)), "unknown_subscription");
    assert_eq!(code(meter.resume("u")), "subscription_state");
    assert_eq!(code(meter.mark_past_due("u", at("2025-02-09T00:00:00Z"))), "invalid_argument");
    assert_eq!(code(meter.upgrade("u", "pro", None, paid(""))), "invalid_name");
    assert_eq!(
        code(meter.subscribe("u", &Subscribe::monthly("basic").paid(" x "))),
        "invalid_name"
    );
    assert_eq!(meter.users().unwrap(), ["u"], "what is refused creates nobody");
    // Changes at one instant do not add up: the first is given back whole.
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    let upgrade = desk.meter.upgrade("u", "pro", None, paid("ch_2")).unwrap();
    assert_eq!(upgrade.proration.due_usd, usd("50"));
    let invoice = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!((invoice.invoice.total_usd, invoice.due_usd), (usd("79"), usd("0")));
}

#[test]
fn a_change_at_a_boundary_gives_nothing_back() {
    let desk = basic();
    desk.go_to("2025-02-28T00:00:00Z");
    let upgrade = desk.meter.upgrade("u", "pro", None, paid("ch_2")).unwrap();
    assert_eq!(upgrade.proration.credit_usd, usd("0"), "the new period was not paid yet");
    assert_eq!(upgrade.proration.due_usd, usd("79"));
    let invoice = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!((invoice.invoice.total_usd, invoice.due_usd), (usd("79"), usd("0")));
}
