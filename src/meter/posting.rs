//! Posting: the state of one user while a work decides, and the changes that it gathers.

use std::sync::Arc;

use super::options::{ExpiredHolds, Options, UnknownPrice};
use crate::domain::account::{Account, UsageStatus};
use crate::domain::call::{Call, CallDetails, UsageSource};
use crate::domain::catalogue::Catalogue;
use crate::domain::counter::{Counter, CounterKey};
use crate::domain::estimate::InputEstimate;
use crate::domain::hold::{Hold, HoldState};
use crate::domain::key::CallKey;
use crate::domain::limit::{Books, EffectiveLimit, LimitState};
use crate::domain::money::Money;
use crate::domain::subscription::Standing;
use crate::domain::time::{Span, Timestamp, Window};
use crate::error::Result;
use crate::ingest::Lesson;
use crate::storage::{Changes, Head, PeriodMark, View, WindowKey};

/// The settings that decisions depend on.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) default_output_tokens: i64,
    pub(crate) hold_margin_percent: i64,
    pub(crate) hold_ttl_ms: i64,
    pub(crate) unpriced_hold: Money,
    pub(crate) unknown_price: UnknownPrice,
    pub(crate) expired_holds: ExpiredHolds,
    pub(crate) alert_channels: Vec<String>,
}

impl From<&Options> for Rules {
    fn from(options: &Options) -> Self {
        Self {
            default_output_tokens: options.default_output_tokens,
            hold_margin_percent: options.hold_margin_percent,
            hold_ttl_ms: options.hold_ttl_ms,
            unpriced_hold: options.unpriced_hold_usd,
            unknown_price: options.unknown_price.clone(),
            expired_holds: options.expired_holds,
            alert_channels: options.alert_channels.clone(),
        }
    }
}

/// The windows whose counters the limits of a user need at an instant.
pub(crate) fn windows_at(head: &Head, at: Timestamp) -> Result<Vec<WindowKey>> {
    let unseen = Account::new(0, "", at);
    let account = head.account.as_deref().unwrap_or(&unseen);
    let plan_id = account.timeline.plan_at(at, &head.catalogue.default_plan);
    let period = account.timeline.usage_period(at);
    let mut windows = vec![WindowKey { window: Window::Period, starts_at: period.starts_at }];
    for effective in account.limits_under(plan_id, at, &head.catalogue)?.iter() {
        let window = effective.limit.window;
        let key = WindowKey { window, starts_at: window.span(at, period).starts_at };
        if !windows.contains(&key) {
            windows.push(key);
        }
    }
    Ok(windows)
}

/// One user's state while a work decides.
pub(crate) struct Posting {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) account: Arc<Account>,
    pub(crate) rules: Arc<Rules>,
    /// The instant that decides windows, prices and limits.
    pub(crate) at: Timestamp,
    /// The instant that decides which holds are live.
    pub(crate) now: Timestamp,
    pub(crate) standing: Standing,
    pub(crate) limits: Arc<[EffectiveLimit]>,
    pub(crate) counters: Vec<(CounterKey, Counter)>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) next_call_id: i64,
    pub(crate) changes: Changes,
}

impl Posting {
    /// The state that a view shows of a user, with what is overdue settled first.
    pub(crate) fn new(
        view: &View,
        user: &str,
        at: Timestamp,
        now: Timestamp,
        rules: &Arc<Rules>,
    ) -> Result<Self> {
        let catalogue = Arc::clone(&view.head.catalogue);
        let mut changes = Changes::default();
        let account = match &view.head.account {
            Some(account) => Arc::clone(account),
            None => {
                changes.seen_at = Some(now);
                Arc::new(Account::new(0, user, now))
            }
        };
        let standing = account.standing(at, &catalogue);
        let limits = account.limits_under(&standing.plan_id, at, &catalogue)?;
        for effective in limits.iter() {
            let window = effective.limit.window;
            let is_tracked = window == Window::Period || account.tracked.contains_key(&window);
            if !is_tracked && !changes.tracked.contains(&window) {
                changes.tracked.push(window);
            }
        }
        let (counters, holds) = (view.counters.clone(), view.holds.clone());
        let next_call_id = view.next_call_id;
        let rules = Arc::clone(rules);
        let mut posting = Self {
            catalogue,
            account,
            rules,
            at,
            now,
            standing,
            limits,
            counters,
            holds,
            next_call_id,
            changes,
        };
        posting.expire_overdue()?;
        Ok(posting)
    }

    /// What limits are judged by.
    pub(crate) fn books(&self) -> Books<'_> {
        Books {
            at: self.at,
            now: self.now,
            usage_period: self.standing.usage_period,
            counters: &self.counters,
            holds: &self.holds,
        }
    }

    /// Where the user stands with every limit.
    pub(crate) fn limit_states(&self) -> Vec<LimitState> {
        let books = self.books();
        self.limits.iter().map(|effective| books.state(effective, &[])).collect()
    }

    /// Enters a call into the ledger and adds it to the counters that were read.
    pub(crate) fn enter(&mut self, key: CallKey, mut call: Call) -> Result<Call> {
        call.id = self.next_call_id;
        self.next_call_id += 1;
        let added = Counter::of(&call);
        let mut windows: Vec<Window> = vec![Window::Period];
        windows.extend(self.account.tracked.keys().chain(&self.changes.tracked));
        for window in windows {
            let starts_at = match window {
                Window::Period => call.period_starts_at,
                _ => window.span(call.occurred_at, self.standing.usage_period).starts_at,
            };
            let (provider, operation) = (call.provider.clone(), call.operation.clone());
            let key = CounterKey { window, starts_at, provider, operation };
            match self.counters.iter_mut().find(|(known, _)| *known == key) {
                Some((_, counter)) => *counter = counter.plus(&added)?,
                None => self.counters.push((key, added.clone())),
            }
        }
        self.changes.calls.push((key, call.clone()));
        Ok(call)
    }

    /// Learns from a call that was estimated before and reported after.
    pub(crate) fn learn(&mut self, estimate: Option<&InputEstimate>, call: &Call) {
        self.changes.lessons.extend(estimate.and_then(|estimate| Lesson::of(call, estimate)));
    }

    /// Opens a hold.
    pub(crate) fn open(&mut self, hold: Hold) {
        self.holds.retain(|open| open.key != hold.key);
        self.holds.push(hold.clone());
        self.changes.holds.retain(|changed| changed.key != hold.key);
        self.changes.holds.push(hold);
    }

    /// Takes a hold away: it has become a call.
    pub(crate) fn close(&mut self, key: CallKey) {
        self.holds.retain(|open| open.key != key);
        self.changes.holds.retain(|changed| changed.key != key);
        self.changes.removed_holds.push(key);
    }

    /// Makes sure that a period whose limits are not at hand has a mark; one that it has stays.
    ///
    /// A subscription that was dated back may since have given the instant another period. Then
    /// the length of the first one is not known any more, and a month stands in for it.
    pub(crate) fn touch_period(&mut self, starts_at: Timestamp, reserved_at: Timestamp) {
        let known = self.account.standing(reserved_at, &self.catalogue).usage_period;
        let a_month = Span { starts_at, ends_at: starts_at.plus_months(1) };
        let span = if known.starts_at == starts_at { known } else { a_month };
        let usage_status = UsageStatus::Active;
        self.changes.touched_periods.push(PeriodMark { span, usage_status, at: self.now });
    }

    /// Marks or charges the holds whose time is over, so that a clock that steps back later
    /// does not revive them.
    fn expire_overdue(&mut self) -> Result<()> {
        let overdue: Vec<Hold> =
            self.holds.iter().filter(|hold| hold.is_overdue(self.now)).cloned().collect();
        let mut is_charged_now = false;
        for hold in overdue {
            self.holds.retain(|open| open.key != hold.key);
            match self.rules.expired_holds {
                ExpiredHolds::Release => {
                    self.changes.holds.push(Hold { state: HoldState::Expired, ..hold });
                }
                ExpiredHolds::Charge => {
                    self.changes.removed_holds.push(hold.key);
                    if hold.period_starts_at == self.standing.usage_period.starts_at {
                        is_charged_now = true;
                    } else {
                        self.touch_period(hold.period_starts_at, hold.reserved_at);
                    }
                    let key = hold.key;
                    self.enter(key, charged_at_estimate(hold, self.now))?;
                }
            }
        }
        if is_charged_now {
            // Where the work itself records nothing, its period has a call all the same.
            self.mark_period();
        }
        Ok(())
    }
}

/// The call that an expired hold becomes where expired holds are charged.
pub(crate) fn charged_at_estimate(hold: Hold, now: Timestamp) -> Call {
    Call {
        id: 0,
        provider: hold.provider,
        operation: hold.operation,
        model: hold.model,
        variant: hold.variant,
        usage: hold.usage,
        usage_source: UsageSource::ExpiredHold,
        call_count: hold.call_count,
        status_code: 200,
        occurred_at: hold.reserved_at,
        recorded_at: now,
        period_starts_at: hold.period_starts_at,
        cost: Some(hold.cost),
        cost_input: Money::ZERO,
        cost_output: Money::ZERO,
        vendor_cost: None,
        price_version_id: hold.price_version_id,
        price_match: hold.price_match,
        is_late: false,
        details: CallDetails::default(),
    }
}
