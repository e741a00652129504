//! Random lives of a subscriber: what must hold whatever happens in whatever order.

use alwrity_metering::{
    CancelAt, Change, InvoiceChoice, InvoiceState, LineKind, Money, Payment, PeriodChoice,
    Subscribe, UserInvoice,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Desk, usd};

const DAY_US: i64 = 86_400_000_000;

#[derive(Clone, Debug)]
enum Step {
    Wait { days: i64, hours: i64 },
    Spend { model: &'static str, cost: i64, days_ago: i64 },
    Subscribe { wish: Subscribe },
    Change { change: Change, payment: Payment },
    Close,
    Void,
}

fn payments() -> impl Strategy<Value = Payment> {
    select(vec![
        Payment::Pending,
        Payment::Reference("ch".into()),
        Payment::Waived("a present".into()),
    ])
}

fn changes() -> impl Strategy<Value = Change> {
    let plan = |id: &str| id.to_owned();
    let upgrade = |id| Change::Upgrade { plan_id: plan(id), billing_cycle: None };
    select(vec![
        Change::Renew,
        upgrade("pro"),
        upgrade("metered"),
        Change::Downgrade { plan_id: plan("basic") },
        Change::Downgrade { plan_id: plan("free") },
        Change::ChangeCycle { billing_cycle: alwrity_metering::BillingCycle::Yearly },
        Change::ChangeCycle { billing_cycle: alwrity_metering::BillingCycle::Monthly },
        Change::Cancel { when: CancelAt::Now },
        Change::Cancel { when: CancelAt::PeriodEnd },
        Change::MarkPastDue { grace_until: super::at("2030-01-01T00:00:00Z") },
        Change::Suspend,
        Change::Resume,
        Change::Withdraw,
        Change::Confirm,
    ])
}

fn wishes(payments: impl Strategy<Value = Payment>) -> impl Strategy<Value = Subscribe> {
    let plan = select(vec!["free", "basic", "pro", "metered"]);
    (plan, any::<bool>(), any::<bool>(), payments).prop_map(
        |(plan, yearly, auto_renew, payment)| {
            let wish = if yearly { Subscribe::yearly(plan) } else { Subscribe::monthly(plan) };
            Subscribe { auto_renew, payment, ..wish }
        },
    )
}

fn steps(pays: bool) -> impl Strategy<Value = Vec<Step>> {
    let payment = move || payments().prop_map(move |own| if pays { own } else { Payment::Pending });
    let step = prop_oneof![
        4 => (0_i64..45, 0_i64..24).prop_map(|(days, hours)| Step::Wait { days, hours }),
        4 => (select(vec!["a", "b"]), 0_i64..9_000_000_000_000, select(vec![0, 0, 0, 20, 50, 400]))
            .prop_map(|(model, cost, days_ago)| Step::Spend { model, cost, days_ago }),
        2 => wishes(payment()).prop_map(|wish| Step::Subscribe { wish }),
        4 => (changes(), payment()).prop_map(|(change, payment)| Step::Change { change, payment }),
        2 => Just(Step::Close),
        1 => Just(Step::Void),
    ];
    vec(step, 1..40)
}

fn live(desk: &Desk, step: &Step) {
    let meter = &desk.meter;
    match step {
        Step::Wait { days, hours } => desk.clock.advance_ms((days * 24 + hours) * 3_600_000),
        Step::Spend { model, cost, days_ago } => {
            let when = desk.clock.now().plus_micros(-days_ago * DAY_US).to_string();
            desk.spend_at("u", model, &Money::from_pico_usd(*cost).to_string(), &when);
        }
        // What cannot be is refused; what matters here is what is left.
        Step::Subscribe { wish } => drop(meter.subscribe("u", wish)),
        Step::Change { change, payment } => drop(change_by_verb(desk, change, payment.clone())),
        Step::Close => drop(meter.finalize_ended("u").unwrap()),
        Step::Void => {
            let history = meter.billing_history("u").unwrap();
            let closed = history.iter().find(|own| own.invoice.is_finalized());
            if let Some(own) = closed {
                let choice = InvoiceChoice::Start(own.invoice.period.starts_at);
                meter.void_invoice("u", &choice, "test").unwrap();
            }
        }
    }
}

fn change_by_verb(
    desk: &Desk,
    change: &Change,
    payment: Payment,
) -> alwrity_metering::Result<alwrity_metering::SubscriptionReceipt> {
    let meter = &desk.meter;
    match change {
        Change::Renew => meter.renew("u", payment),
        Change::Upgrade { plan_id, billing_cycle } => {
            meter.upgrade("u", plan_id, *billing_cycle, payment)
        }
        Change::Downgrade { plan_id } => meter.downgrade("u", plan_id),
        Change::ChangeCycle { billing_cycle } => meter.change_cycle("u", *billing_cycle, payment),
        Change::Cancel { when } => meter.cancel("u", *when),
        Change::MarkPastDue { .. } => {
            meter.mark_past_due("u", desk.clock.now().plus_micros(7 * DAY_US))
        }
        Change::Suspend => meter.suspend("u"),
        Change::Resume => meter.resume("u"),
        Change::Withdraw => meter.withdraw_change("u"),
        Change::Confirm => match payment {
            Payment::Pending => {
                meter.subscription("u").map(|_| ()).and_then(|()| meter.withdraw_change("u"))
            }
            _ => meter.confirm_payment("u", "ch", Default::default()),
        },
        Change::Subscribe { .. } => unreachable!("it is a step of its own"),
    }
}

/// The lines add up, nothing is negative that must not be, and every call is billed once.
fn assert_bills(desk: &Desk) {
    let history = desk.meter.billing_history("u").unwrap();
    let mut billed = (0, Money::ZERO);
    for own in history.iter().filter(|own| own.invoice.state != InvoiceState::Void) {
        let amounts = own.invoice.lines.iter().map(|line| line.amount_usd);
        assert_eq!(Money::sum(amounts).unwrap(), own.invoice.total_usd);
        assert!(own.base_cost_usd >= Money::ZERO, "{own:?}");
        assert!(own.overage_cost_usd >= Money::ZERO, "{own:?}");
        let is_usage = |kind| matches!(kind, LineKind::Usage | LineKind::Adjustment);
        for line in own.invoice.lines.iter().filter(|line| is_usage(line.kind)) {
            billed = (billed.0 + line.calls, billed.1.plus(line.cost_usd).unwrap());
        }
        assert_eq!(own.due_usd, own.invoice.total_usd.minus(own.invoice.paid_usd).unwrap());
    }
    let used = desk.meter.usage_summary("u", &PeriodChoice::All).unwrap();
    assert_eq!(billed, (used.total_calls, used.total_cost), "every call is billed once");
    assert_tiles(&history);
}

/// The invoices that count, newest first, do not overlap.
fn assert_tiles(history: &[UserInvoice]) {
    let counting = history.iter().filter(|own| own.invoice.state != InvoiceState::Void);
    let periods: Vec<_> = counting.map(|own| own.invoice.period).collect();
    for pair in periods.windows(2) {
        assert!(pair[1].ends_at <= pair[0].starts_at, "{pair:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_call_is_billed_once_and_lines_add_up(steps in steps(true)) {
        let desk = Desk::at("2025-01-31T13:00:00Z");
        desk.spend("u", "0.01");
        for step in &steps {
            live(&desk, step);
            assert_bills(&desk);
        }
        desk.assert_verified();
    }

    #[test]
    fn whatever_is_tried_nobody_gets_a_paid_plan_without_a_payment(steps in steps(false)) {
        let desk = Desk::at("2025-01-31T13:00:00Z");
        for step in &steps {
            live(&desk, step);
            prop_assert_eq!(desk.plan("u"), "free", "after {:?}", step);
        }
    }
}

#[test]
fn a_fixed_life_is_billed_to_the_cent() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch")).unwrap();
    desk.go_to("2025-02-14T00:00:00Z");
    let paid = Payment::Reference("ch".into());
    desk.meter.upgrade("u", "pro", None, paid.clone()).unwrap();
    desk.meter.upgrade("u", "metered", None, paid).unwrap();
    // Half of 28 days: 29 − 14.5 + 39.5, then − 39.5 + 49.5.
    let own = desk.meter.invoice("u", &"current".parse().unwrap()).unwrap();
    assert_eq!((own.invoice.total_usd, own.due_usd), (usd("64"), usd("0")));
}
