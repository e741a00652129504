//! Two meters that are told the same, and what they answer.

use std::fmt::Debug;
use std::sync::Arc;

use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::memory::MemoryStore;
use alwrity_metering::{
    CallFilter, Clock, Error, ExpiredHolds, Meter, Options, Page, PeriodChoice, Result,
};

use super::steps::Step;
use crate::conformance::samples::at;
use crate::random::USERS;
use crate::scene::Scene;

/// A meter on SQLite and its model on memory, with one clock.
pub(crate) struct Twins {
    scene: Scene,
    model: Meter,
}

impl Twins {
    /// Both filled with the shipped catalogue.
    pub(crate) fn new(expired_holds: ExpiredHolds) -> Self {
        let scene = Scene::with(|options| options.expired_holds = expired_holds);
        let clock = Clock::Manual(scene.clock.clone());
        let options = Options { clock, expired_holds, ..Options::default() };
        let model = Meter::with_store(Arc::new(MemoryStore::new("free")), options).unwrap();
        model.seed("default").unwrap();
        Self { scene, model }
    }

    /// Runs the steps on both, comparing every answer, and everything that can be seen at the
    /// end; the first difference.
    pub(crate) fn run(mut self, steps: &[Step]) -> Result<(), String> {
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Reopen => self.scene = self.scene.reopened(),
                Step::Move { ms } => self.scene.clock.advance_ms(*ms),
                Step::SetClock(to) => self.scene.clock.set(*to),
                step => same(
                    || format!("step {number}, {step:?}"),
                    &answer(&self.model, step),
                    &answer(&self.scene.meter, step),
                )?,
            }
        }
        self.compare_everything()?;
        self.scene = self.scene.reopened();
        self.compare_everything()?;
        self.verify()
    }

    fn compare_everything(&self) -> Result<(), String> {
        let (model, meter) = (&self.model, &self.scene.meter);
        let months = ["2025-09", "2025-10", "2025-11", "2025-12", "all", "current"];
        same(|| "users".into(), &shown(model.users()), &shown(meter.users()))?;
        for user in USERS {
            for step in months.map(|period| Step::Summary { user, period }) {
                same(|| format!("{step:?}"), &answer(model, &step), &answer(meter, &step))?;
            }
            let limits = Step::Limits { user };
            same(|| format!("{limits:?}"), &answer(model, &limits), &answer(meter, &limits))?;
            let calls = |meter: &Meter| {
                let page = Page { limit: 5000, ..Page::default() };
                shown(meter.calls(user, &CallFilter::default(), page))
            };
            same(|| format!("calls of {user}"), &calls(model), &calls(meter))?;
            let standing = |meter: &Meter| shown(meter.current_period(user));
            same(|| format!("period of {user}"), &standing(model), &standing(meter))?;
        }
        same(|| "unpriced".into(), &shown(model.unpriced()), &shown(meter.unpriced()))?;
        same(|| "plans".into(), &shown(model.plans()), &shown(meter.plans()))?;
        let prices = |meter: &Meter| shown(meter.prices(Some("acme")));
        same(|| "prices".into(), &prices(model), &prices(meter))
    }

    fn verify(&self) -> Result<(), String> {
        for meter in [&self.model, &self.scene.meter] {
            let checks = meter.verify().map_err(|error| error.to_string())?;
            if let Some(wrong) = checks.iter().find(|check| !check.is_ok) {
                return Err(format!("verify of {meter:?}: {wrong:?}"));
            }
        }
        Ok(())
    }
}

fn same(what: impl Fn() -> String, model: &str, meter: &str) -> Result<(), String> {
    if model == meter {
        return Ok(());
    }
    Err(format!("{}\nmemory: {model}\nSQLite: {meter}", what()))
}

/// An answer as text; an error by its code, which is what hosts rely on.
fn shown<T: Debug>(outcome: Result<T>) -> String {
    outcome.map_or_else(|error: Error| error.code().to_owned(), |answer| format!("{answer:?}"))
}

fn answer(meter: &Meter, step: &Step) -> String {
    let key = |user: &str, key: &str| CallKey::new(user, key);
    match step {
        Step::Record(record) => shown(meter.record_call(record)),
        Step::RecordAll(records) => {
            meter.record_calls(records).into_iter().map(shown).collect::<Vec<_>>().join("\n")
        }
        Step::Queue(record) => shown(meter.queue_call(record).and_then(|_| meter.flush())),
        Step::Quote(record) => shown(meter.quote(record)),
        Step::Reserve(request) => shown(meter.reserve(request)),
        Step::ReserveAll(requests) => shown(meter.reserve_all(requests)),
        Step::Check(requests) => shown(meter.check_limits(requests)),
        Step::Settle { user, key: text, outcome } => {
            shown(meter.settle(user, key(user, text), outcome))
        }
        Step::Release { user, key: text } => shown(meter.release(user, key(user, text))),
        Step::Subscribe { user, subscribe } => shown(meter.subscribe(user, subscribe)),
        Step::SetLimit { user, change } => shown(meter.set_limit(user, change)),
        Step::ClearLimit { user, name } => shown(meter.clear_limit(user, name)),
        Step::PutPrice(price) => shown(meter.put_price(price)),
        Step::PutPlan(plan) => shown(meter.put_plan(plan)),
        Step::ReRate => shown(meter.re_rate_dry_run()) + &shown(meter.re_rate()),
        Step::Summary { user, period } => {
            let period: Result<PeriodChoice> = period.parse();
            shown(period.and_then(|period| meter.usage_summary(user, &period)))
        }
        Step::Calls { user, filter, offset } => {
            let page = Page { offset: *offset, limit: 7, before_id: None };
            shown(meter.calls(user, filter, page))
        }
        Step::Limits { user } => shown(meter.limits(user)),
        Step::Reopen | Step::Move { .. } | Step::SetClock(_) => String::new(),
    }
}

#[test]
fn the_model_test_notices_a_difference() {
    let twins = Twins::new(ExpiredHolds::Release);
    let record = crate::scene::chat("ann", "only here", 1, 1);
    twins.model.record_call(&record).unwrap();
    let difference = twins.run(&[Step::SetClock(at(crate::scene::NOON))]).unwrap_err();
    assert!(difference.contains("users"), "{difference}");
}
