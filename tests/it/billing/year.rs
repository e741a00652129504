//! Years of subscribers, day by day, against tables that were written by hand.

use alwrity_metering::{CancelAt, Payment, Subscribe};

use super::{Desk, at, usd};

/// One look: when, the plan, the usage period, the billing period, and the status.
type Look = (&'static str, &'static str, [&'static str; 2], [&'static str; 2], &'static str);

fn assert_looks(desk: &Desk, user: &str, looks: &[Look]) {
    for (when, plan, usage, billing, status) in looks {
        desk.go_to(when);
        let view = desk.meter.subscription(user).unwrap();
        let shown = (
            view.plan_id.as_str(),
            [view.usage_period.starts_at, view.usage_period.ends_at],
            [view.billing_period.starts_at, view.billing_period.ends_at],
            view.status.map_or("none", |status| status.name()),
        );
        let expected = (*plan, usage.map(at), billing.map(at), *status);
        assert_eq!(shown, expected, "at {when}");
    }
}

/// Starts and totals of a user's invoices, oldest first.
fn totals(desk: &Desk, user: &str) -> Vec<(String, String)> {
    let mut invoices = desk.meter.billing_history(user).unwrap();
    invoices.reverse();
    invoices
        .iter()
        .map(|own| (own.invoice.period.starts_at.day_label(), own.invoice.total_usd.to_string()))
        .collect()
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(day, total)| ((*day).to_owned(), (*total).to_owned())).collect()
}

/// A call every noon from one day to before another.
fn use_daily(desk: &Desk, user: &str, from: &str, before: &str) {
    let mut noon = at(from);
    while noon < at(before) {
        desk.clock.set(noon);
        desk.spend(user, "0.001");
        noon = noon.plus_micros(86_400_000_000);
    }
}

/// A year of a subscriber from the 31st: an upgrade, a downgrade, and a missed renewal.
fn live_a_year(desk: &Desk, user: &str) {
    let basic = Subscribe::monthly("basic").paid("ch_1");
    desk.meter.subscribe(user, &basic).unwrap();
    use_daily(desk, user, "2023-10-31T12:00:00Z", "2024-03-15T12:00:00Z");
    desk.go_to("2024-03-15T12:00:00Z");
    let upgrade = desk.meter.upgrade(user, "pro", None, Payment::Reference("ch_2".into())).unwrap();
    // 16 of 31 days are left: 29 × 16/31 = 14.967…, 79 × 16/31 = 40.774…
    assert_eq!(upgrade.proration.credit_usd, usd("14.97"));
    assert_eq!(upgrade.proration.charge_usd, usd("40.77"));
    assert_eq!(upgrade.proration.due_usd, usd("25.8"));
    use_daily(desk, user, "2024-03-15T12:00:01Z", "2024-04-10T12:00:00Z");
    desk.go_to("2024-04-10T12:00:00Z");
    desk.meter.downgrade(user, "basic").unwrap();
    use_daily(desk, user, "2024-04-10T12:00:02Z", "2024-07-02T00:00:00Z");
    desk.go_to("2024-07-02T00:00:00Z");
    desk.meter.mark_past_due(user, at("2024-07-09T00:00:00Z")).unwrap();
    use_daily(desk, user, "2024-07-02T12:00:03Z", "2024-09-15T00:00:00Z");
    // The missed renewal is noticed two and a half months late.
    desk.go_to("2024-09-15T00:00:00Z");
    let renewed = desk.meter.renew(user, Payment::Reference("ch_3".into())).unwrap();
    assert_eq!(renewed.billing_period.starts_at, at("2024-08-31T12:00:00Z"));
    use_daily(desk, user, "2024-09-15T12:00:04Z", "2024-10-31T12:00:00Z");
}

#[test]
fn regressions_23_and_25_the_year_of_a_monthly_subscriber_from_the_31st() {
    let desk = Desk::at("2023-10-31T12:00:00Z");
    let user = "monthly";
    live_a_year(&desk, user);
    let oct = ["2023-10-31T12:00:00Z", "2023-11-30T12:00:00Z"];
    let nov = ["2023-11-30T12:00:00Z", "2023-12-31T12:00:00Z"];
    let jan = ["2024-01-31T12:00:00Z", "2024-02-29T12:00:00Z"];
    let feb = ["2024-02-29T12:00:00Z", "2024-03-31T12:00:00Z"];
    let mar = ["2024-03-31T12:00:00Z", "2024-04-30T12:00:00Z"];
    let apr = ["2024-04-30T12:00:00Z", "2024-05-31T12:00:00Z"];
    let jun = ["2024-06-30T12:00:00Z", "2024-07-31T12:00:00Z"];
    let jul = ["2024-07-31T12:00:00Z", "2024-08-31T12:00:00Z"];
    let aug = ["2024-08-31T12:00:00Z", "2024-09-30T12:00:00Z"];
    let looks: &[Look] = &[
        ("2023-10-31T12:00:00Z", "basic", oct, oct, "active"),
        ("2023-11-30T11:59:59.999999Z", "basic", oct, oct, "active"),
        ("2023-11-30T12:00:00Z", "basic", nov, nov, "active"),
        ("2024-02-29T11:59:59.999999Z", "basic", jan, jan, "active"),
        ("2024-02-29T12:00:00Z", "basic", feb, feb, "active"),
        ("2024-03-15T11:59:59.999999Z", "basic", feb, feb, "active"),
        ("2024-03-15T12:00:00Z", "pro", feb, feb, "active"),
        ("2024-04-30T11:59:59.999999Z", "pro", mar, mar, "active"),
        ("2024-04-30T12:00:00Z", "basic", apr, apr, "active"),
        ("2024-07-01T23:59:59.999999Z", "basic", jun, jun, "active"),
        ("2024-07-02T00:00:00Z", "basic", jun, jun, "past_due"),
        ("2024-07-09T00:00:00Z", "free", jun, jun, "past_due"),
        ("2024-08-01T00:00:00Z", "free", jul, jul, "past_due"),
        ("2024-09-14T23:59:59Z", "free", aug, aug, "past_due"),
        ("2024-09-15T00:00:00Z", "basic", aug, aug, "active"),
    ];
    assert_looks(&desk, user, looks);

    desk.go_to("2024-10-31T11:59:59Z");
    let expected = pairs(&[
        ("2023-10-31", "29"),
        ("2023-11-30", "29"),
        ("2023-12-31", "29"),
        ("2024-01-31", "29"),
        // 29 − 14.97 + 40.77
        ("2024-02-29", "54.8"),
        ("2024-03-31", "79"),
        ("2024-04-30", "29"),
        ("2024-05-31", "29"),
        // Past due, and granted at its start: the fee is owed.
        ("2024-06-30", "29"),
        // Nothing was granted, nothing is owed.
        ("2024-07-31", "0"),
        ("2024-08-31", "29"),
        ("2024-09-30", "29"),
    ]);
    assert_eq!(totals(&desk, user), expected);
    // A call a noon: every period has as many as it has days, and none is lost.
    let calls: Vec<i64> = desk
        .meter
        .billing_history(user)
        .unwrap()
        .iter()
        .rev()
        .map(|own| own.invoice.total_calls)
        .collect();
    assert_eq!(calls, [30, 31, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31]);
    desk.assert_verified();
}

#[test]
fn regression_23_the_years_of_a_yearly_subscriber_from_a_leap_day() {
    let desk = Desk::at("2024-02-29T00:00:00Z");
    let user = "yearly";
    desk.meter.subscribe(user, &Subscribe::yearly("pro").paid("ch_1")).unwrap();
    use_daily(&desk, user, "2024-02-29T12:00:00Z", "2025-03-31T00:00:00Z");
    let first = ["2024-02-29T00:00:00Z", "2025-02-28T00:00:00Z"];
    let second = ["2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z"];
    let fifth = ["2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"];
    let feb = ["2024-02-29T00:00:00Z", "2024-03-29T00:00:00Z"];
    let jan = ["2025-01-29T00:00:00Z", "2025-02-28T00:00:00Z"];
    let next_feb = ["2025-02-28T00:00:00Z", "2025-03-29T00:00:00Z"];
    let leap = ["2028-02-29T00:00:00Z", "2028-03-29T00:00:00Z"];
    let looks: &[Look] = &[
        ("2024-02-29T00:00:00Z", "pro", feb, first, "active"),
        ("2024-03-28T23:59:59.999999Z", "pro", feb, first, "active"),
        ("2025-02-27T23:59:59.999999Z", "pro", jan, first, "active"),
        ("2025-02-28T00:00:00Z", "pro", next_feb, second, "active"),
        ("2028-02-29T00:00:00Z", "pro", leap, fifth, "active"),
    ];
    assert_looks(&desk, user, looks);
    // Limits start anew every month, the fee is due every year.
    desk.go_to("2024-04-28T12:00:01Z");
    let used = desk.meter.limits(user).unwrap().limits[0].used.number();
    assert_eq!(used, 31, "every noon from the 29th of March to the 28th of April");
    desk.go_to("2025-03-31T00:00:00Z");
    let expected = pairs(&[("2024-02-29", "790"), ("2025-02-28", "790")]);
    assert_eq!(totals(&desk, user), expected);
    desk.assert_verified();
}

#[test]
fn regression_23_anchors_on_the_29th_30th_and_31st_come_back_to_their_day() {
    let expected = [
        ("2025-01-29T08:00:00Z", ["2025-02-28", "2025-03-29", "2025-04-29", "2025-05-29"]),
        ("2025-01-30T08:00:00Z", ["2025-02-28", "2025-03-30", "2025-04-30", "2025-05-30"]),
        ("2025-01-31T08:00:00Z", ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
        ("2024-01-30T08:00:00Z", ["2024-02-29", "2024-03-30", "2024-04-30", "2024-05-30"]),
    ];
    for (start, ends) in expected {
        let desk = Desk::at(start);
        desk.meter.subscribe("u", &Subscribe::monthly("basic").waived("test")).unwrap();
        for end in ends {
            let view = desk.meter.subscription("u").unwrap();
            assert_eq!(view.usage_period.ends_at, at(&format!("{end}T08:00:00Z")), "{start}");
            assert_eq!(view.renews_at, Some(view.billing_period.ends_at));
            desk.clock.set(view.usage_period.ends_at);
        }
    }
}

#[test]
fn regression_24_who_never_subscribed_or_has_ended_gets_a_fresh_month_every_month() {
    let desk = Desk::at("2025-01-31T23:00:00Z");
    let used = |user: &str| desk.meter.limits(user).unwrap().limits[0].used.number();
    desk.spend("free", "0");
    desk.meter.subscribe("gone", &Subscribe::monthly("pro").paid("ch_1")).unwrap();
    desk.spend("gone", "0");
    desk.meter.cancel("gone", CancelAt::Now).unwrap();
    assert_eq!((used("free"), used("gone")), (1, 1), "ending keeps what was used");
    for now in ["2025-02-28T23:00:00Z", "2025-03-31T23:00:00Z", "2025-04-30T23:00:00Z"] {
        desk.go_to(now);
        for user in ["free", "gone"] {
            assert_eq!((desk.plan(user).as_str(), used(user)), ("free", 0), "{user} at {now}");
            desk.spend(user, "0");
        }
    }
}
