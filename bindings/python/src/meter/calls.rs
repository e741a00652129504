//! Calls: checking, reserving, settling, recording, and looking at them.

use alwrity_metering::{
    CallFilter, CallKey, CallRecord, CallRequest, HoldReceipt as Held, Page, Reservation,
    Reservations, Span, Timestamp,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::Meter;
use crate::calls::{Asked, outcome, record, request};
use crate::failure::failed;
use crate::read::{Given, Named, instant, wrong};
use crate::results::{Decision, HoldReceipt, Quote, Receipt};
use crate::show::{datetime, show};

/// The answer to a reservation: a `HoldReceipt`, a refusing `Decision`, or the `Receipt` of a key
/// that is recorded already.
pub(crate) fn reservation(py: Python<'_>, answer: Reservation) -> PyResult<Bound<'_, PyAny>> {
    match answer {
        Reservation::Granted(hold) => HoldReceipt::of(py, *hold),
        Reservation::Refused(decision) => Decision::of(py, *decision),
        Reservation::Duplicate(receipt) => Receipt::of(py, *receipt),
    }
}

/// The answer to several: a list of those, or one refusing `Decision`.
pub(crate) fn reservations(py: Python<'_>, answer: Reservations) -> PyResult<Bound<'_, PyAny>> {
    match answer {
        Reservations::Refused { decision } => Decision::of(py, *decision),
        Reservations::Granted { reservations } => {
            let all: PyResult<Vec<_>> =
                reservations.into_iter().map(|one| reservation(py, one)).collect();
            Ok(PyList::new(py, all?)?.into_any())
        }
    }
}

/// The requests of one user, each a mapping of the arguments of `check_limit`.
pub(crate) fn requests(user: &str, calls: &Bound<'_, PyAny>) -> PyResult<Vec<CallRequest>> {
    each(calls, |arguments| request(user, Some(arguments)))
}

/// The records, each a mapping of the arguments of `record_call` with `user` among them.
pub(crate) fn records(calls: &Bound<'_, PyAny>) -> PyResult<Vec<CallRecord>> {
    each(calls, |arguments| {
        let arguments = arguments.copy()?;
        let user = arguments.get_item("user")?;
        let user = user.ok_or_else(|| crate::read::missing("user"))?;
        arguments.del_item("user")?;
        record(&crate::read::text("user", &user)?, Some(&arguments))
    })
}

fn each<'py, T>(
    calls: &Bound<'py, PyAny>,
    read: impl Fn(&Named<'py>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let mut all = Vec::new();
    for call in calls.try_iter()? {
        let call = call?;
        let arguments = call
            .cast::<PyDict>()
            .map_err(|_| wrong("calls", "dicts of the arguments of one call", &call))?;
        all.push(read(arguments)?);
    }
    Ok(all)
}

/// The id that `reserve` returned.
pub(crate) fn hold_id(py: Python<'_>, text: &str) -> PyResult<CallKey> {
    text.parse().map_err(|error| failed(py, &error))
}

/// A hold that was given, or the id of one; and what was held, if that is known.
pub(crate) fn held(py: Python<'_>, hold: &Bound<'_, PyAny>) -> PyResult<(CallKey, Option<Held>)> {
    if let Ok(receipt) = hold.cast::<HoldReceipt>() {
        let held = receipt.get().0.clone();
        return Ok((held.hold_id, Some(held)));
    }
    Ok((hold_id(py, &crate::read::text("hold", hold)?)?, None))
}

/// Defines `check_limit`, whose arguments are parameters of their own, the usual ones first: for a
/// `**call` the interpreter makes a dictionary, which would be a tenth of what a check costs. As in
/// `each_argument`, `usage` is taken before the units.
macro_rules! check_limit {
    ($($argument:ident)+) => {
        #[pymethods]
        impl Meter {
            /// Whether a call may be made now. It keeps nothing free: only `reserve` enforces.
            ///
            /// Being over a limit is an answer, not an exception. The arguments are those of
            /// `reserve`.
            ///
            /// >>> decision = meter.check_limit("u1", provider="openai", model="gpt-4o")
            /// >>> decision.allowed, decision.reason, decision.limit.name
            /// (False, 'not_in_plan', 'openai_calls')
            /// >>> decision.upgrade_plan_id
            /// 'basic'
            #[pyo3(
                signature = (user, *, $($argument = Given::default()),+),
                text_signature = "($self, user, **call)",
            )]
            #[expect(clippy::too_many_arguments, reason = "each may be given by its name")]
            fn check_limit<'py>(
                &self,
                py: Python<'py>,
                user: &str,
                $($argument: Given<'py>,)+
            ) -> PyResult<Bound<'py, PyAny>> {
                let mut asked = Asked::of(user);
                $($argument.taken(|value| asked.take(stringify!($argument), value))?;)+
                let request = asked.request()?;
                Decision::of(py, self.ask(py, |meter| meter.check_limit(request))?)
            }
        }
    };
}

check_limit! {
    usage provider model input_tokens max_output_tokens operation variant input_estimate
    call_count occurred_at idempotency_key ttl_ms output_tokens cached_input_tokens
    cache_write_5m_tokens cache_write_1h_tokens reasoning_tokens input_audio_tokens
    output_audio_tokens requests searches images pages seconds characters
}

#[pymethods]
impl Meter {
    /// Whether several calls may be made together, each seeing those before it: at most 256.
    ///
    /// >>> video = {"provider": "wavespeed", "operation": "video_generation", "call_count": 30}
    /// >>> decision = meter.check_limits("u1", [{"provider": "exa"}, video])
    /// >>> [(call.operation, call.allowed) for call in decision.calls]
    /// [('search', True), ('video_generation', False)]
    fn check_limits<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        calls: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let requests = requests(user, calls)?;
        Decision::of(py, self.ask(py, |meter| meter.check_limits(&requests))?)
    }

    #[pyo3(signature = (user, **call))]
    fn _reserve<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        call: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let request = request(user, call)?;
        reservation(py, self.ask(py, |meter| meter.reserve(&request))?)
    }

    fn _reserve_all<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        calls: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let requests = requests(user, calls)?;
        reservations(py, self.ask(py, |meter| meter.reserve_all(&requests))?)
    }

    /// Records what the call that was held for really used, and ends the hold.
    ///
    /// More than was held is charged in full and stated in `overshoot`. A hold that was released
    /// or has expired is settled all the same: then `late` is true. `hold` is what `reserve`
    /// granted, or its id.
    ///
    /// Raises `UnknownHoldError`, `IdempotencyConflictError` when it was settled with other
    /// content.
    ///
    /// >>> hold = meter.reserve("u1", provider="gemini", model="gemini-2.5-flash", input_tokens=9)
    /// >>> receipt = meter.settle("u1", hold.require(), input_tokens=9, output_tokens=12)
    /// >>> receipt.cost_usd
    /// Decimal('0.0000327')
    #[pyo3(signature = (user, hold, **outcome))]
    fn settle<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        hold: &Bound<'py, PyAny>,
        outcome: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (key, outcome) = settlement(py, hold, outcome)?;
        Receipt::of(py, self.ask(py, |meter| meter.settle(user, key, &outcome))?)
    }

    /// Gives a hold back: `released`, or `already_closed` when nothing was left of it.
    ///
    /// Raises `UnknownHoldError`, `HoldClosedError` when it was settled.
    fn release<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        hold: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (key, _) = held(py, hold)?;
        self.answer(py, |meter| meter.release(user, key))
    }

    /// Queues what `release` does and returns at once: the call was not made.
    fn queue_release(&self, py: Python<'_>, user: &str, hold: &Bound<'_, PyAny>) -> PyResult<()> {
        let (key, _) = held(py, hold)?;
        self.ask(py, |meter| meter.queue_release(user, key))
    }

    /// Records a call that was made, priced and counted, once per idempotency key.
    ///
    /// A call over a hard limit is recorded too: the provider was already paid; `limits_exceeded`
    /// names the limits. What cannot be priced is recorded with `cost_usd` of `None`, never 0. With
    /// `response` the usage, the model and the vendor's own cost are read from the provider's
    /// answer.
    ///
    /// Raises `TypeError` for a float of money or a naive datetime, the `Invalid…Error` classes,
    /// `IdempotencyConflictError`, `OverloadedError`, `OutcomeUnknownError`, the `Storage…Error`
    /// classes.
    ///
    /// >>> answer = {"usage": {"prompt_tokens": 374, "completion_tokens": 44, "total_tokens": 418}}
    /// >>> call = {"provider": "openai", "model": "gpt-4o-mini", "response": answer}
    /// >>> receipt = meter.record_call("u1", **call, idempotency_key="request-17")
    /// >>> receipt.cost_usd, receipt.usage
    /// (Decimal('0.0000825'), {'input_tokens': 374, 'output_tokens': 44})
    /// >>> meter.record_call("u1", **call, idempotency_key="request-17").status
    /// 'duplicate'
    #[pyo3(signature = (user, **call))]
    fn record_call<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        call: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let record = record(user, call)?;
        Receipt::of(py, self.ask(py, |meter| meter.record_call(&record))?)
    }

    /// Records several calls in as few transactions as fit; one answer for each.
    ///
    /// Each is recorded or not on its own: an answer is its `Receipt`, or the exception that it
    /// would have raised.
    ///
    /// >>> calls = [am.CallRecord(user=f"u{n}", provider="exa") for n in range(3)]
    /// >>> [receipt.cost_usd for receipt in meter.record_calls(calls)]
    /// [Decimal('0.007'), Decimal('0.007'), Decimal('0.007')]
    fn record_calls<'py>(
        &self,
        py: Python<'py>,
        calls: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let records = records(calls)?;
        let answers = self.ask(py, |meter| Ok(meter.record_calls(&records)))?;
        let shown: PyResult<Vec<_>> = answers
            .into_iter()
            .map(|answer| match answer {
                Ok(receipt) => Receipt::of(py, receipt),
                Err(error) => Ok(failed(py, &error).into_value(py).into_bound(py).into_any()),
            })
            .collect();
        PyList::new(py, shown?)
    }

    /// Queues a record and returns its idempotency key at once: for hosts that may not wait.
    ///
    /// `flush` waits for the commit. What fails in the end is logged and counted by
    /// `queued_failures`.
    #[pyo3(signature = (user, **call))]
    fn queue_call(&self, py: Python<'_>, user: &str, call: Option<&Named<'_>>) -> PyResult<String> {
        let record = record(user, call)?;
        self.ask(py, |meter| meter.queue_call(&record))
    }

    /// Queues what `settle` does and returns at once; `flush` waits for the commit.
    #[pyo3(signature = (user, hold, **outcome))]
    fn queue_settle(
        &self,
        py: Python<'_>,
        user: &str,
        hold: &Bound<'_, PyAny>,
        outcome: Option<&Named<'_>>,
    ) -> PyResult<()> {
        let (key, outcome) = settlement(py, hold, outcome)?;
        self.ask(py, |meter| meter.queue_settle(user, key, &outcome))
    }

    /// What a call would cost; `cost_usd` is `None` when no price is known.
    ///
    /// >>> meter.quote(provider="openai", model="gpt-4o-mini", input_tokens=1_000_000).cost_usd
    /// Decimal('0.15')
    #[pyo3(signature = (user = "", **call))]
    fn quote<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        call: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let record = record(user, call)?;
        Quote::of(py, self.ask(py, |meter| meter.quote(&record))?)
    }

    /// A page of a user's recorded calls, newest first, and how many there are in all.
    #[pyo3(signature = (
        user, *, provider=None, operation=None, model=None, status_code=None, period=None,
        since=None, until=None, unpriced=false, before_id=None, offset=0, limit=50,
    ))]
    #[expect(clippy::too_many_arguments, reason = "a filter and a page, as Python names them")]
    fn calls<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        provider: Option<String>,
        operation: Option<String>,
        model: Option<String>,
        status_code: Option<i64>,
        period: Option<&str>,
        since: Option<&Bound<'py, PyAny>>,
        until: Option<&Bound<'py, PyAny>>,
        unpriced: bool,
        before_id: Option<i64>,
        offset: i64,
        limit: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let filter = CallFilter {
            provider,
            operation,
            model,
            status_code,
            within: span(since, until)?,
            period_within: period.map(|label| month(py, label)).transpose()?,
            is_unpriced: unpriced,
        };
        let page = Page { before_id, offset, limit };
        self.answer(py, |meter| meter.calls(user, &filter, page))
    }

    /// The plan and the periods of a user now; one never seen is on the default plan.
    ///
    /// >>> meter.current_period("u1").plan_id
    /// 'free'
    fn current_period<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        let standing = self.ask(py, |meter| meter.current_period(user))?;
        let class = py.import("alwrity_metering.results")?.getattr("CurrentPeriod")?;
        class.call1((
            standing.usage_period.label(),
            standing.plan_id,
            show(py, &standing.status)?,
            datetime(py, standing.usage_period.starts_at)?,
            datetime(py, standing.usage_period.ends_at)?,
            show(py, &standing.usage_period)?,
            show(py, &standing.billing_period)?,
        ))
    }
}

/// What a hold became: its key, and how the call turned out.
pub(crate) fn settlement(
    py: Python<'_>,
    hold: &Bound<'_, PyAny>,
    arguments: Option<&Named<'_>>,
) -> PyResult<(CallKey, alwrity_metering::CallOutcome)> {
    let (key, held) = held(py, hold)?;
    let (provider, usage) = match &held {
        Some(held) => (held.provider.as_str(), Some(&held.usage)),
        None => ("", None),
    };
    Ok((key, outcome(provider, usage, arguments)?))
}

/// The instants that the usage periods of a label start at, `YYYY-MM`.
fn month(py: Python<'_>, label: &str) -> PyResult<Span> {
    let starts_at = Timestamp::from_month_label(label).map_err(|error| failed(py, &error))?;
    Ok(Span { starts_at, ends_at: starts_at.plus_months(1) })
}

/// From an instant on, and before another; all of time where none is given.
pub(crate) fn span(
    since: Option<&Bound<'_, PyAny>>,
    until: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Span>> {
    if since.is_none() && until.is_none() {
        return Ok(None);
    }
    let mut span = Span::ALWAYS;
    if let Some(since) = since {
        span.starts_at = instant("since", since)?;
    }
    if let Some(until) = until {
        span.ends_at = instant("until", until)?;
    }
    Ok(Some(span))
}
