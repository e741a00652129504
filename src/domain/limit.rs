//! Judging: whether calls fit the limits, all together or not at all.
//!
//! A call fits a limit when used + held + wanted ≤ maximum. All limits that cover it are judged
//! together; the answer names the tightest.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::account::UsageStatus;
use super::counter::{Counter, CounterKey};
use super::hold::Hold;
use super::money::Money;
use super::operation::Operation;
use super::plan::{Limit, Maximum, Metric, Policy};
use super::time::{Span, Timestamp, Window};
use super::usage::Usage;

/// A limit as it holds for a user at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveLimit {
    /// The limit, with the maximum that counts: the catalogue's own where nothing of it differs.
    pub limit: Arc<Limit>,
    /// How much of the maximum is a boost.
    pub boost: i64,
    /// Whether the user's own limit stands for the plan's.
    pub is_override: bool,
}

impl EffectiveLimit {
    /// A limit of the plan.
    pub fn of_plan(limit: Limit) -> Self {
        Self { limit: Arc::new(limit), boost: 0, is_override: false }
    }

    /// The user's own limit.
    pub fn of_user(limit: Limit) -> Self {
        Self { limit: Arc::new(limit), boost: 0, is_override: true }
    }

    /// Adds to the maximum, when there is one.
    pub fn add_boost(&mut self, added: i64) {
        if let Maximum::AtMost(maximum) = self.limit.maximum {
            Arc::make_mut(&mut self.limit).maximum = Maximum::AtMost(maximum.saturating_add(added));
            self.boost = self.boost.saturating_add(added);
        }
    }
}

/// What a call wants of every metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Who will be paid.
    pub provider: String,
    /// What will be done.
    pub operation: Operation,
    /// How many calls.
    pub calls: i64,
    /// The estimated usage.
    pub usage: Usage,
    /// The estimated cost, the worst case when unknown.
    pub cost: Money,
}

impl Want {
    fn amount(&self, limit: &Limit) -> i128 {
        if limit.covers(&self.provider, &self.operation) {
            super::hold::amount(&limit.metric, self.calls, &self.usage, self.cost)
        } else {
            0
        }
    }
}

/// A quantity of a metric: dollars for cost, a count for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// A whole number of calls, tokens or units.
    Count(i64),
    /// Dollars.
    Usd(Money),
}

impl Amount {
    /// A quantity of that metric; beyond the range, the nearest bound.
    pub fn new(metric: &Metric, amount: i128) -> Self {
        let bound = if amount < 0 { i64::MIN } else { i64::MAX };
        let number = i64::try_from(amount).unwrap_or(bound);
        match metric {
            Metric::Cost => Self::Usd(Money::from_pico_usd(number)),
            _ => Self::Count(number),
        }
    }

    /// The bare number: a count, or pico-dollars.
    pub const fn number(self) -> i64 {
        match self {
            Self::Count(count) => count,
            Self::Usd(money) => money.pico_usd(),
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => f.pad(&count.to_string()),
            Self::Usd(money) => f.pad(&format!("${money}")),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_i64(*count),
            Self::Usd(money) => money.serialize(serializer),
        }
    }
}

/// Where a user stands with one limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitState {
    /// The limit's name.
    pub name: String,
    /// What is counted.
    pub metric: Metric,
    /// Only this provider, or all.
    pub provider: Option<String>,
    /// Only this operation, or all.
    pub operation: Option<Operation>,
    /// The window.
    pub window: Window,
    /// What happens above the maximum.
    pub policy: Policy,
    /// The maximum, boost included; nothing when there is no limit.
    pub maximum: Option<Amount>,
    /// What recorded calls used.
    pub used: Amount,
    /// What live holds keep free.
    pub held: Amount,
    /// What the call that is judged wants.
    pub wanted: Amount,
    /// maximum − used − held, not below 0; nothing when there is no limit.
    pub remaining: Option<Amount>,
    /// used ÷ maximum × 100; nothing when there is no limit or it is 0.
    pub used_percent: Option<f64>,
    /// The end of the window; nothing for a lifetime.
    pub resets_at: Option<Timestamp>,
    /// Whether the user's own limit stands for the plan's.
    pub is_override: bool,
    /// The percentages that raise an alert.
    pub thresholds: Vec<u8>,
}

/// The counters, holds and periods that limits are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Books<'a> {
    /// The instant that decides the windows.
    pub at: Timestamp,
    /// The instant that decides which holds are live.
    pub now: Timestamp,
    /// The usage period at `at`.
    pub usage_period: Span,
    /// The counters of every window that the limits need.
    pub counters: &'a [(CounterKey, Counter)],
    /// The user's holds.
    pub holds: &'a [Hold],
}

/// One limit's numbers, before they are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) used: i128,
    pub(crate) held: i128,
    pub(crate) wanted: i128,
}

impl Books<'_> {
    /// The span of a limit's window.
    pub fn span(&self, window: Window) -> Span {
        window.span(self.at, self.usage_period)
    }

    /// What recorded calls used of a limit.
    pub fn used(&self, limit: &Limit) -> i128 {
        let span = self.span(limit.window);
        self.counters
            .iter()
            .filter(|(key, _)| {
                key.window == limit.window
                    && key.starts_at == span.starts_at
                    && limit.covers(&key.provider, &key.operation)
            })
            .map(|(_, counter)| counter.amount(&limit.metric))
            .sum()
    }

    /// What is used, held and wanted of a limit.
    pub(crate) fn tally(&self, limit: &Limit, wants: &[Want]) -> Tally {
        let span = self.span(limit.window);
        let used = self.used(limit);
        let held = self
            .holds
            .iter()
            .filter(|hold| hold.is_live(self.now) && hold.is_in(limit.window, span))
            .map(|hold| hold.amount(limit))
            .sum();
        let wanted = wants.iter().map(|want| want.amount(limit)).sum();
        Tally { used, held, wanted }
    }

    /// Where the user stands with a limit.
    pub fn state(&self, effective: &EffectiveLimit, wants: &[Want]) -> LimitState {
        self.state_of(effective, &self.tally(&effective.limit, wants))
    }

    fn state_of(&self, effective: &EffectiveLimit, tally: &Tally) -> LimitState {
        let limit = &effective.limit;
        let amount = |number| Amount::new(&limit.metric, number);
        let bound = limit.maximum.bound().map(i128::from);
        let has_end = limit.window != Window::Lifetime;
        LimitState {
            name: limit.name.clone(),
            metric: limit.metric.clone(),
            provider: limit.provider.clone(),
            operation: limit.operation.clone(),
            window: limit.window,
            policy: limit.policy,
            maximum: bound.map(amount),
            used: amount(tally.used),
            held: amount(tally.held),
            wanted: amount(tally.wanted),
            remaining: bound.map(|bound| amount((bound - tally.used - tally.held).max(0))),
            used_percent: bound.and_then(|bound| percent(tally.used, bound)),
            resets_at: has_end.then(|| self.span(limit.window).ends_at),
            is_override: effective.is_override,
            thresholds: limit.thresholds.clone(),
        }
    }

    /// Whether the wants fit a limit, and how much room relative to the maximum is left.
    fn verdict(&self, limit: &Limit, wants: &[Want]) -> Verdict {
        let tally = self.tally(limit, wants);
        let total = tally.used + tally.held + tally.wanted;
        let fits = limit.policy.ceiling(limit.maximum).is_none_or(|ceiling| total <= ceiling);
        let maximum = limit.maximum.bound().map(i128::from);
        let remaining = maximum.map(|bound| bound - tally.used - tally.held);
        Verdict { tally, fits, remaining, maximum }
    }
}

/// used ÷ maximum × 100, exact to 4 decimals; nothing when the maximum is 0.
pub(crate) fn percent(used: i128, maximum: i128) -> Option<f64> {
    const PART: i128 = 1_000_000_000;
    let ten_thousandths = used.checked_mul(1_000_000)?.checked_div(maximum)?;
    let high = i32::try_from(ten_thousandths / PART).unwrap_or(i32::MAX);
    let low = i32::try_from(ten_thousandths % PART).unwrap_or(0);
    Some(ten_thousandths_of(f64::from(high), f64::from(low)))
}

#[expect(clippy::float_arithmetic, reason = "a percentage for people, not money")]
fn ten_thousandths_of(billions: f64, ones: f64) -> f64 {
    (billions * 1e9 + ones) / 1e4
}

struct Verdict {
    tally: Tally,
    fits: bool,
    remaining: Option<i128>,
    maximum: Option<i128>,
}

impl Verdict {
    /// Orders by remaining ÷ maximum, without dividing; no limit is roomiest, 0 is tightest.
    fn compare_room(&self, other: &Self) -> Ordering {
        let fraction = |verdict: &Self| match (verdict.remaining, verdict.maximum) {
            (Some(remaining), Some(maximum)) if maximum > 0 => Some((remaining, maximum)),
            (Some(remaining), Some(_)) => Some((remaining.min(0), 1)),
            _ => None,
        };
        match (fraction(self), fraction(other)) {
            (Some((a, b)), Some((c, d))) => (a * d).cmp(&(c * b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

/// The judgement of calls against limits.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Whether everything fits.
    pub fits: bool,
    /// The limits that cover the calls, with what they want.
    pub states: Vec<LimitState>,
    /// The place of the tightest in `states`: of those that refuse, if any does.
    pub tightest: Option<usize>,
    /// The names of the limits that refuse.
    pub refusing: Vec<String>,
}

/// Judges calls that are wanted together.
pub fn judge(limits: &[EffectiveLimit], wants: &[Want], books: &Books<'_>) -> Judgement {
    let covers = |limit: &Limit| wants.iter().any(|w| limit.covers(&w.provider, &w.operation));
    let mut judged: Vec<(&EffectiveLimit, Verdict)> = limits
        .iter()
        .filter(|effective| covers(&effective.limit))
        .map(|effective| (effective, books.verdict(&effective.limit, wants)))
        .collect();
    judged.sort_by(|(a, a_verdict), (b, b_verdict)| {
        a_verdict
            .fits
            .cmp(&b_verdict.fits)
            .then_with(|| a_verdict.compare_room(b_verdict))
            .then_with(|| a.limit.name.cmp(&b.limit.name))
    });
    let refusing: Vec<String> = judged
        .iter()
        .filter(|(_, verdict)| !verdict.fits)
        .map(|(effective, _)| effective.limit.name.clone())
        .collect();
    Judgement {
        fits: refusing.is_empty(),
        tightest: judged.first().filter(|(_, v)| v.maximum.is_some()).map(|_| 0),
        states: judged.iter().map(|(own, verdict)| books.state_of(own, &verdict.tally)).collect(),
        refusing,
    }
}

/// The status that follows from where the user stands with every limit.
pub fn usage_status(states: &[LimitState]) -> UsageStatus {
    let share = |state: &LimitState| {
        let maximum = state.maximum.map_or(0, Amount::number);
        status_of_share(state.policy, state.used.number().into(), maximum)
    };
    states.iter().map(share).max().unwrap_or_default()
}

/// The status that follows from one limit alone; the highest of all counts.
pub(crate) fn status_of_share(policy: Policy, used: i128, maximum: i64) -> UsageStatus {
    let at_least = |share: i128| maximum > 0 && used * 100 >= i128::from(maximum) * share;
    if policy != Policy::Soft && at_least(100) {
        UsageStatus::LimitReached
    } else if at_least(80) {
        UsageStatus::Warning
    } else {
        UsageStatus::Active
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Unit;

    fn limit(name: &str, maximum: Option<i64>) -> EffectiveLimit {
        let maximum = Maximum::from_bound(maximum);
        EffectiveLimit::of_plan(Limit::new(name, Metric::Calls, maximum).unwrap())
    }

    fn want(calls: i64) -> Want {
        Want {
            provider: "gemini".into(),
            operation: Operation::chat(),
            calls,
            usage: Usage::tokens(10, 5),
            cost: Money::from_pico_usd(7),
        }
    }

    fn counter(calls: i64) -> (CounterKey, Counter) {
        let key = CounterKey {
            window: Window::Period,
            starts_at: Timestamp::MIN,
            provider: "gemini".into(),
            operation: Operation::chat(),
        };
        (key, Counter { limited_calls: calls, calls, ..Counter::default() })
    }

    fn books(counters: &[(CounterKey, Counter)]) -> Books<'_> {
        let at = Timestamp::from_micros(1).unwrap();
        Books { at, now: at, usage_period: Span::ALWAYS, counters, holds: &[] }
    }

    #[test]
    fn it_fits_up_to_and_including_the_maximum() {
        let counters = [counter(99)];
        let judge = |calls| judge(&[limit("a", Some(100))], &[want(calls)], &books(&counters));
        assert!(judge(1).fits);
        assert!(!judge(2).fits);
    }

    #[test]
    fn regression_7_zero_refuses_the_first_and_none_never() {
        let none = judge(&[limit("a", None)], &[want(i64::from(i32::MAX))], &books(&[]));
        assert!(none.fits && none.tightest.is_none());
        let zero = judge(&[limit("a", Some(0))], &[want(1)], &books(&[]));
        assert!(!zero.fits);
        assert_eq!(zero.states[0].used_percent, None);
    }

    #[test]
    fn the_tightest_is_named_ties_by_name() {
        let counters = [counter(50)];
        let limits = [limit("b", Some(100)), limit("c", Some(1000)), limit("a", Some(100))];
        let judgement = judge(&limits, &[want(1)], &books(&counters));
        assert_eq!(judgement.states[judgement.tightest.unwrap()].name, "a");
        let refused = judge(&limits, &[want(51)], &books(&counters));
        assert_eq!(refused.refusing, ["a", "b"]);
        assert_eq!(refused.states[refused.tightest.unwrap()].name, "a");
    }

    #[test]
    fn regression_9_calls_are_judged_together() {
        let judgement = judge(&[limit("a", Some(2))], &vec![want(1); 30], &books(&[]));
        assert!(!judgement.fits);
        assert_eq!(judgement.states[0].wanted, Amount::Count(30));
    }

    #[test]
    fn the_status_follows_the_highest_share() {
        let status = |used, policy| {
            let mut own = limit("a", Some(100));
            Arc::make_mut(&mut own.limit).policy = policy;
            usage_status(&[books(&[counter(used)]).state(&own, &[])])
        };
        assert_eq!(status(79, Policy::Hard), UsageStatus::Active);
        assert_eq!(status(80, Policy::Hard), UsageStatus::Warning);
        assert_eq!(status(100, Policy::Grace(10)), UsageStatus::LimitReached);
        assert_eq!(status(100, Policy::Soft), UsageStatus::Warning);
    }

    #[test]
    fn every_metric_has_its_amount() {
        let usage = Usage::tokens(10, 5).with(Unit::Images, 3);
        let amount =
            |metric| super::super::hold::amount(&metric, 2, &usage, Money::from_pico_usd(7));
        assert_eq!(amount(Metric::Calls), 2);
        assert_eq!(amount(Metric::Tokens), 15);
        assert_eq!(amount(Metric::Cost), 7);
        assert_eq!(amount(Metric::Unit(Unit::Images)), 3);
    }
}
