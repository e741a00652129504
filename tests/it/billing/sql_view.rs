//! The views `user_subscriptions` and `billing_history`: SQL and the meter say the same.
//!
//! The views read the system's clock, so these tests take their instants from it.

use alwrity_metering::{
    BillingCycle, CancelAt, Cell, Clock, ManualClock, Meter, Options, Payment, Subscribe,
    SubscriptionView, Synchronous, Timestamp,
};

use super::{Desk, usd};

const DAY_US: i64 = 86_400_000_000;

fn row(meter: &Meter, sql: &str) -> Vec<String> {
    let table = meter.query(sql).unwrap();
    let shown = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => number.to_string(),
        Cell::Null => "NULL".to_owned(),
        other => panic!("{other:?}"),
    };
    table.rows.first().map(|row| row.iter().map(shown).collect()).unwrap_or_default()
}

fn assert_same(meter: &Meter, user: &str) {
    let view: SubscriptionView = meter.subscription(user).unwrap();
    let sql = format!(
        "SELECT plan_id, billing_cycle, current_period_start, current_period_end, status, \
         is_active, auto_renew FROM user_subscriptions WHERE user_id = '{user}'"
    );
    let text = |at: Timestamp| {
        let padded = at.to_string().replace('Z', "");
        let (whole, part) = padded.split_once('.').unwrap_or((&padded, ""));
        format!("{whole}.{part:0<6}Z")
    };
    let granted = Some(&view.plan_id) == view.subscribed_plan_id.as_ref();
    let expected = [
        view.subscribed_plan_id.clone().unwrap(),
        view.billing_cycle.to_string(),
        text(view.billing_period.starts_at),
        text(view.billing_period.ends_at),
        view.status.unwrap().to_string(),
        i64::from(granted).to_string(),
        i64::from(view.auto_renew).to_string(),
    ];
    assert_eq!(row(meter, &sql), expected, "{user}");
}

#[test]
fn user_subscriptions_says_what_the_meter_says_in_every_state() {
    let folder = tempfile::tempdir().unwrap();
    // The plans, on a clock of their own.
    drop(Desk::in_folder(folder.path(), "2025-01-01T00:00:00Z"));
    // A little ago: the views count whole seconds, so what begins in the running one has not yet.
    let clock = ManualClock::at(Clock::System.now().plus_micros(-10_000_000));
    let clock = Clock::Manual(clock);
    let options = Options { clock, synchronous: Synchronous::Normal, ..Options::default() };
    let meter = Meter::open(folder.path().join("metering.db"), options).unwrap();
    let days_ago = |days: i64| meter.now().plus_micros(-days * DAY_US);
    let since = |user: &str, days: i64, wish: Subscribe| {
        let wish = Subscribe { starts_at: Some(days_ago(days)), ..wish.waived("test") };
        meter.subscribe(user, &wish).unwrap();
    };
    since("active", 45, Subscribe::monthly("basic"));
    since("yearly", 500, Subscribe::yearly("pro"));
    since("expired", 45, Subscribe { auto_renew: false, ..Subscribe::monthly("basic") });
    since("once", 5, Subscribe { auto_renew: false, ..Subscribe::monthly("basic") });
    since("cancelled", 45, Subscribe::monthly("basic"));
    meter.cancel("cancelled", CancelAt::Now).unwrap();
    since("ending", 45, Subscribe::monthly("basic"));
    meter.cancel("ending", CancelAt::PeriodEnd).unwrap();
    since("suspended", 45, Subscribe::monthly("basic"));
    meter.suspend("suspended").unwrap();
    since("late", 45, Subscribe::monthly("basic"));
    meter.mark_past_due("late", meter.now().plus_micros(DAY_US)).unwrap();
    since("waiting", 45, Subscribe::monthly("basic"));
    meter.upgrade("waiting", "pro", None, Payment::Pending).unwrap();
    since("withdrawn", 45, Subscribe::monthly("pro"));
    meter.downgrade("withdrawn", "basic").unwrap();
    meter.withdraw_change("withdrawn").unwrap();
    for months in [1, 5, 11, 13, 27] {
        let user = format!("offset {months}");
        since(&user, months * 31, Subscribe::monthly("basic"));
        let paid = Payment::Reference("ch".into());
        meter.change_cycle(&user, BillingCycle::Yearly, paid).unwrap();
    }
    for user in meter.users().unwrap() {
        assert_same(&meter, &user);
    }
    meter.subscribe("only waiting", &Subscribe::monthly("pro")).unwrap();
    let sql = "SELECT plan_id FROM user_subscriptions WHERE user_id = 'only waiting'";
    assert_eq!(row(&meter, sql), Vec::<String>::new());
}

#[test]
fn billing_history_shows_finalized_invoices_in_dollars() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::in_folder(folder.path(), "2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("metered").paid("ch_1")).unwrap();
    desk.spend("u", "7.5");
    let all = "SELECT count(*) FROM billing_history";
    assert_eq!(row(&desk.meter, all), ["0"], "drafts are computed");
    desk.go_to("2025-05-01T00:00:00Z");
    let own = desk.meter.finalize_invoice("u", &"2025-04".parse().unwrap()).unwrap();
    let sql = "SELECT user_id, billing_period, period_start, period_end, plan_name, base_cost, \
               usage_cost, overage_cost, total_cost, total_cost_pico_usd, payment_status, \
               payment_date, stripe_invoice_id, total_api_calls, total_tokens, created_at, \
               json_array_length(usage_details), json_extract(usage_details, '$[1].model') \
               FROM billing_history";
    let expected = [
        "u",
        "2025-04",
        "2025-04-01T00:00:00.000000Z",
        "2025-05-01T00:00:00.000000Z",
        "METERED",
        "99.000000000000",
        "7.500000000000",
        "2.500000000000",
        "101.500000000000",
        "101500000000000",
        "pending",
        "NULL",
        "NULL",
        "1",
        "15",
        "2025-05-01T00:00:00.000000Z",
        "3",
        "m",
    ];
    assert_eq!(row(&desk.meter, sql), expected);
    assert_eq!(own.due_usd, usd("2.5"));
    desk.meter.void_invoice("u", &"2025-04".parse().unwrap(), "wrong").unwrap();
    let status = "SELECT payment_status FROM billing_history";
    assert_eq!(row(&desk.meter, status), ["void"]);
}
