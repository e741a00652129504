//! One user's counters and day rollups: sums that are kept with every call, and the fold of the
//! calls that they must equal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::domain::call::Call;
use crate::domain::counter::{Counter, CounterKey, DayKey, ResponseKey};
use crate::domain::histogram::bucket;
use crate::domain::invoice::{ModelKey, ModelUsage};
use crate::domain::money::Money;
use crate::domain::time::{Span, Timestamp, Window};
use crate::error::{Error, Result};

/// For each short window that is counted, the last call id before counting began.
pub(super) type Tracked = BTreeMap<Window, i64>;

/// The sums of one user's calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// By window, provider and operation.
    pub(super) counters: BTreeMap<CounterKey, Counter>,
    /// By day, provider, model and operation.
    pub(super) days: BTreeMap<DayKey, Counter>,
    /// By usage period, provider and model.
    pub(super) models: BTreeMap<ModelKey, ModelUsage>,
    /// Calls by day, provider and bucket of their response time.
    pub(super) times: BTreeMap<ResponseKey, i64>,
}

impl Tally {
    /// What the calls of a user add up to, on top of what pruned ones have left.
    pub(super) fn fold<'a>(
        base: &Self,
        tracked: &Tracked,
        calls: impl Iterator<Item = &'a Call>,
    ) -> Result<Self> {
        let mut tally = base.clone();
        for call in calls {
            tally.add(tracked, call)?;
        }
        Ok(tally)
    }

    /// Counts one more call.
    pub(super) fn add(&mut self, tracked: &Tracked, call: &Call) -> Result<()> {
        let one = Counter::of(call);
        for key in counter_keys(tracked, call) {
            let sum = self.counters.entry(key).or_default();
            *sum = sum.plus(&one)?;
        }
        let sum = self.days.entry(DayKey::of(call)).or_default();
        *sum = sum.plus(&one)?;
        let sum = self.models.entry(model_key(call)).or_default();
        *sum = sum.plus(ModelUsage::from(&one))?;
        if let Some(ms) = call.details.response_time_ms {
            let day = call.occurred_at.day_number();
            let key = ResponseKey { day, provider: call.provider.clone(), bucket: bucket(ms) };
            *self.times.entry(key).or_insert(0) += call.call_count;
        }
        Ok(())
    }

    /// Corrects the sums that a call is in when its cost becomes another.
    ///
    /// # Errors
    /// [`Error::Internal`] when anything but the cost differs: the call would be in other sums.
    pub(super) fn re_rate(&mut self, tracked: &Tracked, before: &Call, after: &Call) -> Result<()> {
        let (old, new) = (Counter::of(before), Counter::of(after));
        let keys = counter_keys(tracked, before);
        let costs_alike =
            Counter { cost: old.cost, unpriced_calls: old.unpriced_calls, ..new.clone() };
        let is_same_place = keys == counter_keys(tracked, after)
            && DayKey::of(before) == DayKey::of(after)
            && before.id == after.id;
        if costs_alike != old || !is_same_place {
            let reason = format!("the re-rated call {} changes more than its cost", before.id);
            return Err(Error::Internal { reason });
        }
        let correct = |sum: &mut Counter| -> Result<()> {
            sum.cost = replaced(sum.cost, old.cost, new.cost)?;
            sum.unpriced_calls += new.unpriced_calls - old.unpriced_calls;
            Ok(())
        };
        for key in keys {
            correct(self.counters.entry(key).or_default())?;
        }
        correct(self.days.entry(DayKey::of(before)).or_default())?;
        let sum = self.models.entry(model_key(before)).or_default();
        sum.cost = replaced(sum.cost, old.cost, new.cost)?;
        sum.unpriced_calls += new.unpriced_calls - old.unpriced_calls;
        Ok(())
    }
}

fn replaced(sum: Money, old: Money, new: Money) -> Result<Money> {
    let total = [sum, new].iter().map(|part| i128::from(part.pico_usd())).sum::<i128>();
    Money::from_total(total - i128::from(old.pico_usd()))
}

/// The counters that a call belongs to: its usage period's, and those of every short window that
/// was already counted when the call was recorded.
fn counter_keys(tracked: &Tracked, call: &Call) -> Vec<CounterKey> {
    let is_counted = |window: &Window| match window {
        Window::Period => true,
        short => tracked.get(short).is_some_and(|since| call.id > *since),
    };
    let key = |window: Window| CounterKey {
        window,
        starts_at: starts_at(window, call),
        provider: call.provider.clone(),
        operation: call.operation.clone(),
    };
    Window::ALL.iter().copied().filter(is_counted).map(key).collect()
}

fn model_key(call: &Call) -> ModelKey {
    ModelKey {
        period_starts_at: call.period_starts_at,
        provider: call.provider.clone(),
        model: call.model.clone(),
    }
}

fn starts_at(window: Window, call: &Call) -> Timestamp {
    match window {
        Window::Period => call.period_starts_at,
        short => short.span(call.occurred_at, Span::ALWAYS).starts_at,
    }
}

/// The first key whose kept sum is not what was counted.
pub(super) fn first_difference<K: Ord + Debug, V: PartialEq + Debug>(
    kept: &BTreeMap<K, V>,
    counted: &BTreeMap<K, V>,
) -> Option<String> {
    let keys: BTreeSet<&K> = kept.keys().chain(counted.keys()).collect();
    keys.into_iter()
        .find(|key| kept.get(key) != counted.get(key))
        .map(|key| format!("{key:?}: kept {:?}, counted {:?}", kept.get(key), counted.get(key)))
}
