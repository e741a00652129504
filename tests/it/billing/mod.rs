//! Subscriptions, invoices and retention through the meter, on a clock that the tests move.

mod changes;
mod closing;
mod erasing;
mod history;
mod invoices;
mod late_usage;
mod lives;
mod payments;
mod pruning;
mod sql_view;
mod year;

use std::path::Path;
use std::sync::Arc;

use alwrity_metering::storage::Store;
use alwrity_metering::storage::memory::MemoryStore;
use alwrity_metering::{
    CallRecord, Clock, Limit, ManualClock, Maximum, Meter, Metric, Money, Options, Plan, Receipt,
    Synchronous, Tier, Timestamp, Usage,
};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

/// A meter on a clock that stands still until it is moved.
pub(crate) struct Desk {
    pub(crate) meter: Meter,
    pub(crate) clock: ManualClock,
}

impl Desk {
    /// A meter in memory, at an instant.
    pub(crate) fn at(now: &str) -> Self {
        Self::on(Arc::new(MemoryStore::new("free")), now)
    }

    /// A meter on a file of a folder, at an instant.
    pub(crate) fn in_folder(folder: &Path, now: &str) -> Self {
        let clock = ManualClock::at(at(now));
        let options = options(&clock);
        let meter = Meter::open(folder.join("metering.db"), options).unwrap();
        Self::with_plans(meter, clock)
    }

    fn on(store: Arc<dyn Store>, now: &str) -> Self {
        let clock = ManualClock::at(at(now));
        let meter = Meter::with_store(store, options(&clock)).unwrap();
        Self::with_plans(meter, clock)
    }

    fn with_plans(meter: Meter, clock: ManualClock) -> Self {
        for plan in plans() {
            meter.put_plan(&plan).unwrap();
        }
        Self { meter, clock }
    }

    pub(crate) fn go_to(&self, now: &str) {
        self.clock.set(at(now));
    }

    /// The plan that the user has now.
    pub(crate) fn plan(&self, user: &str) -> String {
        self.meter.current_period(user).unwrap().plan_id
    }

    /// Records a call of that model and cost, made at an instant.
    pub(crate) fn spend_at(&self, user: &str, model: &str, cost: &str, when: &str) -> Receipt {
        let call = CallRecord {
            vendor_cost_usd: Some(usd(cost)),
            occurred_at: Some(at(when)),
            ..CallRecord::new(user, "gemini", model, Usage::tokens(10, 5))
        };
        self.meter.record_call(&call).unwrap()
    }

    /// Records a call of that cost, made now.
    pub(crate) fn spend(&self, user: &str, cost: &str) -> Receipt {
        let now = self.clock.now().to_string();
        self.spend_at(user, "m", cost, &now)
    }

    /// Asserts that `verify` finds nothing wrong.
    pub(crate) fn assert_verified(&self) {
        let checks = self.meter.verify().unwrap();
        let wrong = checks.iter().find(|check| !check.is_ok);
        assert_eq!(wrong, None);
    }
}

fn options(clock: &ManualClock) -> Options {
    Options {
        clock: Clock::Manual(clock.clone()),
        synchronous: Synchronous::Normal,
        ..Options::default()
    }
}

/// Free, basic, pro, and one that charges overage.
fn plans() -> Vec<Plan> {
    let plan = |id: &str, tier, monthly: &str, yearly: &str, calls| Plan {
        id: id.into(),
        name: id.to_uppercase(),
        tier,
        price_monthly_usd: usd(monthly),
        price_yearly_usd: usd(yearly),
        included_cost_usd: None,
        description: String::new(),
        features: Vec::new(),
        limits: vec![
            Limit::new("gemini_calls", Metric::Calls, Maximum::AtMost(calls))
                .unwrap()
                .for_provider("gemini")
                .unwrap(),
        ],
        is_active: true,
    };
    vec![
        plan("free", Tier::Free, "0", "0", 10),
        plan("basic", Tier::Basic, "29", "290", 100),
        plan("pro", Tier::Pro, "79", "790", 1000),
        Plan {
            included_cost_usd: Some(usd("5")),
            ..plan("metered", Tier::Enterprise, "99", "990", 10_000)
        },
    ]
}
