//! The steps of the model test.

use alwrity_metering::{
    BillingCycle, CallFilter, CallOutcome, CallRecord, CallRequest, CancelAt, Change, Limit,
    LimitChange, Maximum, Metric, Money, Payment, Plan, Policy, PriceVersion, Subscribe, Timestamp,
    Unit, Variant, Window,
};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::random::{instants, keys, outcomes, records, requests, targets, users};
use crate::regressions::money::price;

/// One thing that a host does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Record(Box<CallRecord>),
    RecordAll(Vec<CallRecord>),
    Queue(Box<CallRecord>),
    Quote(Box<CallRecord>),
    Reserve(Box<CallRequest>),
    ReserveAll(Vec<CallRequest>),
    Check(Vec<CallRequest>),
    /// Settles what was reserved or recorded under a key, if anything was.
    Settle {
        user: &'static str,
        key: String,
        outcome: Box<CallOutcome>,
    },
    /// Settles without waiting, then flushes.
    QueueSettle {
        user: &'static str,
        key: String,
        outcome: Box<CallOutcome>,
    },
    Release {
        user: &'static str,
        key: String,
    },
    Subscribe {
        user: &'static str,
        subscribe: Subscribe,
    },
    /// Renews, upgrades, cancels, … with a payment.
    Change {
        user: &'static str,
        change: Change,
        payment: Payment,
    },
    /// Closes the ended periods of a user, and declares the newest invoice void now and then.
    Close {
        user: &'static str,
        voids: bool,
    },
    Prune {
        before: Timestamp,
    },
    SetLimit {
        user: &'static str,
        change: Box<LimitChange>,
    },
    ClearLimit {
        user: &'static str,
        name: &'static str,
    },
    PutPrice(Box<PriceVersion>),
    PutPlan(Box<Plan>),
    ReRate,
    /// Moves the clock, forward or back.
    Move {
        ms: i64,
    },
    SetClock(Timestamp),
    Summary {
        user: &'static str,
        period: &'static str,
    },
    Calls {
        user: &'static str,
        filter: Box<CallFilter>,
        offset: i64,
    },
    Limits {
        user: &'static str,
    },
    /// Closes and opens the file.
    Reopen,
}

/// So many random steps.
pub(crate) fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), length)
}

fn step() -> impl Strategy<Value = Step> {
    let requests_of_one = || {
        (users(), vec(requests(), 1..4)).prop_map(|(user, requests)| {
            let of_user = |request| CallRequest { user: user.to_owned(), ..request };
            requests.into_iter().map(of_user).collect::<Vec<_>>()
        })
    };
    prop_oneof![
        10 => records().prop_map(|record| Step::Record(Box::new(record))),
        2 => vec(records(), 1..5).prop_map(Step::RecordAll),
        1 => records().prop_map(|record| Step::Queue(Box::new(record))),
        2 => records().prop_map(|record| Step::Quote(Box::new(record))),
        10 => requests().prop_map(|request| Step::Reserve(Box::new(request))),
        3 => requests_of_one().prop_map(Step::ReserveAll),
        3 => requests_of_one().prop_map(Step::Check),
        8 => (users(), keys(), outcomes()).prop_map(|(user, key, outcome)| {
            Step::Settle { user, key, outcome: Box::new(outcome) }
        }),
        2 => (users(), keys(), outcomes()).prop_map(|(user, key, outcome)| {
            Step::QueueSettle { user, key, outcome: Box::new(outcome) }
        }),
        3 => (users(), keys()).prop_map(|(user, key)| Step::Release { user, key }),
        3 => (users(), subscribes())
            .prop_map(|(user, subscribe)| Step::Subscribe { user, subscribe }),
        4 => (users(), lives(), payments())
            .prop_map(|(user, change, payment)| Step::Change { user, change, payment }),
        1 => (users(), any::<bool>()).prop_map(|(user, voids)| Step::Close { user, voids }),
        1 => instants().prop_map(|before| Step::Prune { before }),
        3 => (users(), changes())
            .prop_map(|(user, change)| Step::SetLimit { user, change: Box::new(change) }),
        1 => (users(), select(LIMITS.to_vec()))
            .prop_map(|(user, name)| Step::ClearLimit { user, name }),
        1 => prices().prop_map(|price| Step::PutPrice(Box::new(price))),
        1 => plans().prop_map(|plan| Step::PutPlan(Box::new(plan))),
        1 => Just(Step::ReRate),
        6 => prop_oneof![0_i64..1000, 0_i64..3_600_000, 0_i64..2_000_000_000, -3_600_000_i64..0]
            .prop_map(|ms| Step::Move { ms }),
        1 => instants().prop_map(Step::SetClock),
        3 => (users(), select(vec!["current", "all", "2025-10", "2025-11", "2025-1"]))
            .prop_map(|(user, period)| Step::Summary { user, period }),
        2 => (users(), filters(), 0_i64..5).prop_map(|(user, filter, offset)| {
            Step::Calls { user, filter: Box::new(filter), offset }
        }),
        2 => users().prop_map(|user| Step::Limits { user }),
        1 => Just(Step::Reopen),
    ]
}

const LIMITS: [&str; 7] = [
    "gemini_calls",
    "gemini_tokens",
    "monthly_cost",
    "openai_tokens",
    "tokens_a_minute",
    "images_in_all",
    "unheard_of",
];

fn subscribes() -> impl Strategy<Value = Subscribe> {
    let plan = select(vec!["free", "basic", "pro", "enterprise", "own", "none such"]);
    let cycle = select(BillingCycle::ALL.to_vec());
    let when = (weighted(0.2, instants()), weighted(0.2, instants()));
    (plan, cycle, when, payments(), any::<bool>()).prop_map(
        |(plan_id, billing_cycle, (anchor, starts_at), payment, auto_renew)| Subscribe {
            billing_cycle,
            anchor,
            starts_at,
            payment,
            auto_renew,
            ..Subscribe::monthly(plan_id)
        },
    )
}

fn payments() -> impl Strategy<Value = Payment> {
    prop_oneof![
        Just(Payment::Pending),
        Just(Payment::Reference("ch_1".into())),
        Just(Payment::Waived("model".into())),
    ]
}

/// Every change but a subscription, which has a step of its own.
pub(crate) fn lives() -> impl Strategy<Value = Change> {
    let plan = || select(vec!["free", "basic", "pro", "enterprise"]).prop_map(str::to_owned);
    let cycle = || select(BillingCycle::ALL.to_vec());
    prop_oneof![
        Just(Change::Renew),
        Just(Change::Confirm),
        Just(Change::Suspend),
        Just(Change::Resume),
        Just(Change::Withdraw),
        (plan(), weighted(0.3, cycle()))
            .prop_map(|(plan_id, billing_cycle)| Change::Upgrade { plan_id, billing_cycle }),
        plan().prop_map(|plan_id| Change::Downgrade { plan_id }),
        cycle().prop_map(|billing_cycle| Change::ChangeCycle { billing_cycle }),
        Just(Change::Cancel { when: CancelAt::Now }),
        Just(Change::Cancel { when: CancelAt::PeriodEnd }),
        instants().prop_map(|grace_until| Change::MarkPastDue { grace_until }),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![Just(Policy::Hard), Just(Policy::Soft), (1_u8..=100).prop_map(Policy::Grace)]
}

fn changes() -> impl Strategy<Value = LimitChange> {
    let maximum = select(vec!["0", "1", "5", "20", "3000", "unlimited", "-1", "0.01"]);
    let span = (weighted(0.3, instants()), weighted(0.3, instants()));
    let definition = (weighted(0.3, policies()), weighted(0.3, select(Window::ALL.to_vec())));
    (select(LIMITS.to_vec()), maximum, any::<bool>(), span, definition).prop_map(
        |(name, maximum, is_boost, (starts_at, ends_at), (policy, window))| {
            let (metric, own_window) = match name {
                "tokens_a_minute" => (Some(Metric::Tokens), Some(Window::Minute)),
                "images_in_all" => (Some(Metric::Unit(Unit::Images)), Some(Window::Lifetime)),
                _ => (None, None),
            };
            LimitChange {
                name: name.into(),
                maximum: maximum.into(),
                is_boost,
                metric,
                window: own_window.or(window),
                policy,
                starts_at,
                ends_at,
                ..LimitChange::default()
            }
        },
    )
}

fn prices() -> impl Strategy<Value = PriceVersion> {
    let target = select(vec![("acme", "acme-1"), ("gemini", "gemini-2.5-flash"), ("acme", "")]);
    let from = select(vec!["2025-09-04T00:00:00Z", "2025-10-07T00:00:00Z", "2025-11-01T00:00:00Z"]);
    (target, from, 0_i64..5, select(Variant::ALL.to_vec())).prop_map(
        |((provider, model), from, dollars, variant)| PriceVersion {
            variant,
            ..price(provider, model, from, &dollars.to_string())
        },
    )
}

fn plans() -> impl Strategy<Value = Plan> {
    (0_i64..40, policies(), weighted(0.8, 0_i64..5_000_000_000_000), any::<bool>()).prop_map(
        |(calls, policy, cost, is_active)| {
            let calls = Limit::new("gemini_calls", Metric::Calls, Maximum::AtMost(calls)).unwrap();
            let calls = calls.for_provider("gemini").unwrap().with_policy(policy);
            let cost = Limit::new("monthly_cost", Metric::Cost, Maximum::from_bound(cost)).unwrap();
            Plan {
                id: "own".into(),
                name: "Own".into(),
                tier: alwrity_metering::Tier::Basic,
                price_monthly_usd: Money::from_pico_usd(5_000_000_000_000),
                price_yearly_usd: Money::ZERO,
                included_cost_usd: None,
                description: String::new(),
                features: vec![],
                limits: vec![calls, cost],
                is_active,
            }
        },
    )
}

fn filters() -> impl Strategy<Value = CallFilter> {
    (weighted(0.3, targets()), weighted(0.2, select(vec![200, 404])), any::<bool>()).prop_map(
        |(target, status_code, is_unpriced)| CallFilter {
            // Names are found however they are written.
            provider: target.map(|(provider, ..)| format!(" {} ", provider.to_uppercase())),
            model: target.map(|(.., model)| model.to_owned()),
            status_code,
            is_unpriced,
            ..CallFilter::default()
        },
    )
}
