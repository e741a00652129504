//! History: what happened, newest first, without anything being written for it.

use alwrity_metering::{
    CancelAt, ChangeKind, HistoryEntry, Page, Payment, PaymentStatus, Subscribe,
};

use super::{Desk, at, usd};

fn entries(desk: &Desk, user: &str) -> Vec<HistoryEntry> {
    let page = Page { limit: 100, ..Page::default() };
    let mut entries = desk.meter.subscription_history(user, page).unwrap().entries;
    entries.reverse();
    entries
}

/// Day, kind, plan, renewal count and payment of every line, oldest first.
fn lines(desk: &Desk, user: &str) -> Vec<(String, &'static str, String, i64, &'static str)> {
    entries(desk, user)
        .into_iter()
        .map(|entry| {
            let (change, payment) = (entry.change.name(), entry.payment.status.name());
            let day = entry.created_at.day_label();
            (day, change, entry.plan_id, entry.renewal_count, payment)
        })
        .collect()
}

#[test]
fn a_life_is_told_with_renewals_that_nobody_wrote() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    let paid = |reference: &str| Payment::Reference(reference.into());
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-03-10T00:00:00Z");
    desk.meter.upgrade("u", "pro", None, paid("ch_2")).unwrap();
    desk.meter.downgrade("u", "basic").unwrap();
    desk.go_to("2025-05-02T00:00:00Z");
    desk.meter.renew("u", paid("ch_3")).unwrap();
    desk.meter.cancel("u", CancelAt::PeriodEnd).unwrap();
    desk.go_to("2025-06-15T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::yearly("pro").paid("ch_4")).unwrap();
    let line = |day: &str, change, plan: &str, count, payment| {
        (day.to_owned(), change, plan.to_owned(), count, payment)
    };
    let expected = [
        line("2025-01-31", "new", "basic", 0, "paid"),
        line("2025-02-28", "renewal", "basic", 1, "pending"),
        line("2025-03-10", "upgrade", "pro", 1, "paid"),
        // Its period has a fee, as that of a renewal has.
        line("2025-03-31", "downgrade", "basic", 1, "pending"),
        // Paid two days after it began: one line, not two.
        line("2025-04-30", "renewal", "basic", 2, "paid"),
        line("2025-05-31", "cancellation", "basic", 2, "paid"),
        line("2025-06-15", "new", "pro", 0, "paid"),
    ];
    assert_eq!(lines(&desk, "u"), expected);
    let told = entries(&desk, "u");
    assert_eq!(told[1].previous_period, Some(told[0].new_period));
    assert_eq!(told[1].payment.amount_usd, usd("29"));
    assert!(told[1].is_computed && !told[2].is_computed);
    assert_eq!(told[2].previous_plan_name.as_deref(), Some("BASIC"));
    assert_eq!(told[2].new_period, told[1].new_period, "an upgrade keeps the period");
    assert_eq!(told[4].payment.reference.as_deref(), Some("ch_3"));
    assert_eq!(told[6].new_period.ends_at, at("2026-06-15T00:00:00Z"));
    assert_eq!(told[0].previous_period, None);
    let ids: Vec<i64> = told.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn the_fee_of_a_period_that_a_downgrade_begins_is_told_once() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    let payments = |user: &str| {
        let told = entries(&desk, user).into_iter().skip(1);
        told.map(|own| (own.change, own.payment.status, own.payment.amount_usd)).collect::<Vec<_>>()
    };
    for user in ["owes", "renews", "billed", "free"] {
        desk.meter.subscribe(user, &Subscribe::monthly("pro").paid("ch_1")).unwrap();
        desk.meter.downgrade(user, if user == "free" { "free" } else { "basic" }).unwrap();
    }
    desk.go_to("2025-03-01T00:00:00Z");
    let owed = (ChangeKind::Downgrade, PaymentStatus::Pending, usd("29"));
    assert_eq!(payments("owes"), [owed]);
    assert_eq!(payments("free"), [(ChangeKind::Downgrade, PaymentStatus::Paid, usd("0"))]);
    desk.meter.renew("renews", Payment::Reference("ch_2".into())).unwrap();
    let renewal = (ChangeKind::Renewal, PaymentStatus::Paid, usd("29"));
    let downgrade = (ChangeKind::Downgrade, PaymentStatus::Paid, usd("0"));
    assert_eq!(payments("renews"), [downgrade, renewal]);
    desk.go_to("2025-04-01T00:00:00Z");
    let february = "2025-02".parse().unwrap();
    desk.meter.finalize_invoice("billed", &february).unwrap();
    let paid = alwrity_metering::InvoicePaid {
        status: PaymentStatus::Paid,
        reference: Some("ch_3".into()),
        stripe_invoice_id: None,
    };
    desk.meter.set_invoice_payment("billed", &february, &paid).unwrap();
    let told = entries(&desk, "billed");
    assert_eq!(told[1].payment.status, PaymentStatus::Paid);
    assert_eq!(told[1].payment.reference.as_deref(), Some("ch_3"));
}

#[test]
fn a_snapshot_tells_what_was_used_before() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.spend("u", "0.25");
    desk.go_to("2025-02-27T23:59:59.999999Z");
    desk.spend("u", "0.5");
    desk.go_to("2025-02-28T00:00:00Z");
    desk.spend("u", "4");
    let told = entries(&desk, "u");
    let before = told[1].usage_before.clone().unwrap();
    assert_eq!((before.total_calls, before.total_cost_usd), (2, usd("0.75")));
    assert_eq!(before.total_tokens, 30);
    assert_eq!(before.calls_by_provider["gemini"], 2);
}

#[test]
fn regression_31_looking_at_the_history_writes_nothing() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-04-15T00:00:00Z");
    let before = desk.meter.export_user("u").unwrap();
    assert_eq!(entries(&desk, "u").len(), 3);
    assert_eq!(entries(&desk, "nobody"), []);
    desk.meter.subscription("nobody").unwrap();
    desk.meter.billing_history("nobody").unwrap();
    assert_eq!(desk.meter.export_user("u").unwrap(), before);
    assert_eq!(desk.meter.users().unwrap(), ["u"]);
}

#[test]
fn pages_are_newest_first() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-07-15T00:00:00Z");
    let page = |limit, offset, before_id| {
        let page = Page { limit, offset, before_id };
        let page = desk.meter.subscription_history("u", page).unwrap();
        let ids: Vec<i64> = page.entries.iter().map(|entry| entry.id).collect();
        (ids, page.total_count, page.has_more)
    };
    assert_eq!(page(2, 0, None), (vec![6, 5], 6, true));
    assert_eq!(page(2, 4, None), (vec![2, 1], 6, false));
    assert_eq!(page(4, 0, Some(5)), (vec![4, 3, 2, 1], 6, false));
    assert_eq!(page(1, 6, None), (vec![], 6, false));
    for limit in [0, 101] {
        let page = Page { limit, ..Page::default() };
        desk.meter.subscription_history("u", page).unwrap_err();
    }
}

#[test]
fn a_renewal_is_paid_when_the_invoice_of_its_period_is() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-04-01T00:00:00Z");
    let february = "2025-02".parse().unwrap();
    desk.meter.finalize_invoice("u", &february).unwrap();
    let paid = alwrity_metering::InvoicePaid {
        status: PaymentStatus::Paid,
        reference: Some("ch_9".into()),
        stripe_invoice_id: None,
    };
    desk.meter.set_invoice_payment("u", &february, &paid).unwrap();
    let told = entries(&desk, "u");
    let renewals: Vec<_> = told.iter().filter(|e| e.change == ChangeKind::Renewal).collect();
    assert_eq!(renewals[0].payment.status, PaymentStatus::Paid);
    assert_eq!(renewals[0].payment.reference.as_deref(), Some("ch_9"));
    assert_eq!(renewals[1].payment.status, PaymentStatus::Pending);
}
