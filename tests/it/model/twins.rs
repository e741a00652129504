//! Two meters that are told the same, and what they answer.

use std::fmt::Debug;
use std::sync::Arc;

use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::memory::MemoryStore;
use alwrity_metering::{
    CallFilter, Change, Clock, Error, ExpiredHolds, ExternalIds, InvoiceChoice, Meter, Options,
    Page, Payment, PeriodChoice, Result, Subscribe, SubscriptionReceipt,
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
            let bills = |meter: &Meter| shown(meter.billing_history(user));
            same(|| format!("invoices of {user}"), &bills(model), &bills(meter))?;
            let history = |meter: &Meter| {
                let page = Page { limit: 100, ..Page::default() };
                shown(meter.subscription_history(user, page)) + &shown(meter.subscription(user))
            };
            same(|| format!("history of {user}"), &history(model), &history(meter))?;
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

/// A change through its verb.
fn changed(
    meter: &Meter,
    user: &str,
    change: &Change,
    payment: &Payment,
) -> Result<SubscriptionReceipt> {
    let payment = payment.clone();
    match change {
        Change::Renew => meter.renew(user, payment),
        Change::Upgrade { plan_id, billing_cycle } => {
            meter.upgrade(user, plan_id, *billing_cycle, payment)
        }
        Change::Downgrade { plan_id } => meter.downgrade(user, plan_id),
        Change::ChangeCycle { billing_cycle } => meter.change_cycle(user, *billing_cycle, payment),
        Change::Cancel { when } => meter.cancel(user, *when),
        Change::MarkPastDue { grace_until } => meter.mark_past_due(user, *grace_until),
        Change::Suspend => meter.suspend(user),
        Change::Resume => meter.resume(user),
        Change::Withdraw => meter.withdraw_change(user),
        Change::Confirm => meter.confirm_payment(user, "ch_2", ExternalIds::default()),
        Change::Subscribe { plan_id, .. } => meter.subscribe(user, &Subscribe::monthly(plan_id)),
    }
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
        Step::QueueSettle { user, key: text, outcome } => {
            shown(meter.queue_settle(user, key(user, text), outcome).and_then(|()| meter.flush()))
        }
        Step::Release { user, key: text } => shown(meter.release(user, key(user, text))),
        Step::Subscribe { user, subscribe } => shown(meter.subscribe(user, subscribe)),
        Step::Change { user, change, payment } => {
            let preview = shown(meter.preview_change(user, change));
            preview + &shown(changed(meter, user, change, payment))
        }
        Step::Close { user, voids } => {
            let closed = meter.finalize_ended(user);
            let newest = closed.as_ref().ok().and_then(|closed| closed.last());
            let start = newest.filter(|_| *voids).map(|own| own.invoice.period.starts_at);
            let void = start.map(|start| {
                shown(meter.void_invoice(user, &InvoiceChoice::Start(start), "model"))
            });
            shown(closed) + &void.unwrap_or_default()
        }
        Step::Prune { before } => {
            shown(meter.prune_dry_run(*before)) + &shown(meter.prune(*before))
        }
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
