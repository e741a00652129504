//! Reserving: keeping a call's estimate free before it is made, all of it or nothing.

use std::sync::Arc;

use super::draft::{Ask, Estimate, estimate};
use super::job::Completion;
use super::posting::{Posting, Rules, charged_at_estimate, windows_at};
use super::receipt::{Decision, HoldReceipt, Receipt, RecordStatus, Reservation, Reservations};
use super::{About, Meter, events, key_text};
use crate::domain::call::CallRequest;
use crate::domain::hold::{Hold, HoldState};
use crate::domain::key::CallKey;
use crate::domain::limit::Want;
use crate::domain::name;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result, shown};
use crate::storage::{Changes, Found, View, Work};

/// The most requests that are judged together.
const REQUESTS_MAX: usize = 256;

/// Requests of one user that were checked at the door.
pub(crate) struct Wish {
    pub(crate) user: String,
    pub(crate) asks: Vec<Ask>,
    pub(crate) keys: Vec<(CallKey, String)>,
    pub(crate) at: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) rules: Arc<Rules>,
}

impl Meter {
    /// Reserves a call's estimate, if it fits every limit; then make the call and settle.
    ///
    /// A repeat with the same key returns the same hold, or the receipt once it is recorded.
    ///
    /// # Errors
    /// `invalid_*` for bad input, `unknown_price` where that is rejected, and the errors of the
    /// store. A refusal is no error: it is [`Reservation::Refused`].
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{CallRequest, Meter, Options, Reservation, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("metering.db");
    /// let meter = Meter::open(&path, Options::default())?;
    /// meter.seed("default")?;
    /// let request = CallRequest::new("u1", "gemini", "gemini-2.5-flash").with_tokens(900, 800);
    /// match meter.reserve(&request)? {
    ///     Reservation::Granted(hold) => {
    ///         // … make the call …
    ///         let receipt = meter.settle("u1", hold.hold_id, &Usage::tokens(900, 512).into())?;
    ///         assert!(receipt.cost_usd.unwrap() <= hold.cost_usd);
    ///     }
    ///     Reservation::Refused(decision) => println!("{}", decision.message),
    ///     Reservation::Duplicate(receipt) => println!("recorded as {}", receipt.call_id),
    /// }
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn reserve(&self, request: &CallRequest) -> Result<Reservation> {
        match self.reserve_all(std::slice::from_ref(request))? {
            Reservations::Refused { decision } => Ok(Reservation::Refused(decision)),
            Reservations::Granted { reservations } => {
                reservations.into_iter().next().ok_or_else(|| Error::Internal {
                    reason: "a reservation without an answer".into(),
                })
            }
        }
    }

    /// Reserves several calls of one user together: all of them, or none.
    pub fn reserve_all(&self, requests: &[CallRequest]) -> Result<Reservations> {
        let wish = self.wish(requests)?;
        let key = wish.first_key();
        self.run(&key, |completion| self.inner.store.submit(wish.work(completion)))
            .inspect(events::reserved)
    }

    /// Checks requests at the door: one user, one instant, at most 256.
    fn question(&self, requests: &[CallRequest]) -> Result<Wish> {
        let count = requests.len();
        let Some(first) = requests.first().filter(|_| count <= REQUESTS_MAX) else {
            let expected = format!("1 to {REQUESTS_MAX} requests").into();
            let value = count.to_string();
            return Err(Error::InvalidArgument { name: "requests", value, expected });
        };
        let user = name::user(&first.user)?.to_owned();
        if let Some(other) = requests.iter().find(|request| request.user != user) {
            let expected = format!("the user of the first request, `{}`", shown(&user)).into();
            let value = shown(&other.user);
            return Err(Error::InvalidArgument { name: "user", value, expected });
        }
        if requests.iter().any(|request| request.occurred_at != first.occurred_at) {
            let expected = "one instant for all requests that are judged together".into();
            let value = "several".to_owned();
            return Err(Error::InvalidArgument { name: "occurred_at", value, expected });
        }
        for key in requests.iter().filter_map(|request| request.idempotency_key.as_deref()) {
            name::idempotency_key(key)?;
        }
        let now = self.now();
        // Of their own size: `collect` would make room for four.
        let mut asks = Vec::with_capacity(count);
        for request in requests {
            asks.push(Ask::try_from(request)?);
        }
        Ok(Wish {
            user,
            asks,
            keys: Vec::new(),
            at: first.occurred_at.unwrap_or(now),
            now,
            rules: Arc::clone(&self.inner.rules),
        })
    }

    /// The same with the keys that what is reserved goes by, each its own.
    pub(super) fn wish(&self, requests: &[CallRequest]) -> Result<Wish> {
        let mut wish = self.question(requests)?;
        for request in requests {
            let text = key_text(request.idempotency_key.as_deref())?;
            let key = CallKey::new(&wish.user, &text);
            if wish.keys.iter().any(|(known, _)| *known == key) {
                let expected = "a key of its own for each request".into();
                let value = shown(&text);
                return Err(Error::InvalidArgument { name: "idempotency_key", value, expected });
            }
            wish.keys.push((key, text));
        }
        Ok(wish)
    }
}

impl Wish {
    /// The key of the first request, as it was given or made.
    pub(super) fn first_key(&self) -> String {
        self.keys.first().map(|(_, text)| text.clone()).unwrap_or_default()
    }

    /// The work that reserves it.
    pub(super) fn work(self, completion: Completion<Reservations>) -> Box<dyn Work> {
        let about = About::holds(&self.user, self.keys.iter().map(|(key, _)| *key).collect());
        let at = self.at;
        let decide = move |view: &View| reserve(&self, view);
        Meter::work(about, move |head| windows_at(head, at), decide, completion)
    }
}

/// What became of one request before the limits were judged.
enum Step {
    Recorded(Receipt),
    Held(Hold),
    New(Hold, Want),
}

fn reserve(wish: &Wish, view: &View) -> Result<(Changes, Reservations)> {
    let mut posting = Posting::new(view, &wish.user, wish.at, wish.now, &wish.rules)?;
    let mut steps = Vec::with_capacity(wish.asks.len());
    for (place, ask) in wish.asks.iter().enumerate() {
        steps.push(step(&posting, wish, ask, place, &view.head.found[place])?);
    }
    let wants: Vec<Want> = steps
        .iter()
        .filter_map(|step| if let Step::New(_, want) = step { Some(want.clone()) } else { None })
        .collect();
    if !wants.is_empty() {
        let decision = posting.decide(&wants)?;
        if !decision.allowed {
            // A plan that was edited below what is used refuses everything from then on: no
            // record would come to tell the user.
            posting.raise_reached();
            return Ok((posting.changes, Reservations::Refused { decision: Box::new(decision) }));
        }
    }
    for step in &steps {
        if let Step::New(hold, _) = step {
            posting.open(hold.clone());
        }
    }
    let reservations = steps
        .into_iter()
        .zip(&wish.keys)
        .map(|(step, (_, key))| answer(&posting, &wish.user, key, step))
        .collect();
    Ok((posting.changes, Reservations::Granted { reservations }))
}

fn step(posting: &Posting, wish: &Wish, ask: &Ask, place: usize, found: &Found) -> Result<Step> {
    let (key, text) = &wish.keys[place];
    // A hold that was overdue and is charged has just become a call.
    let charged = posting.changes.calls.iter().find(|(charged, _)| charged == key);
    if let Some((_, call)) = charged {
        return Ok(Step::Recorded(Receipt::new(RecordStatus::Recorded, &wish.user, text, call)));
    }
    match found {
        Found::Call(call) => {
            Ok(Step::Recorded(Receipt::new(RecordStatus::Duplicate, &wish.user, text, call)))
        }
        Found::Pruned(first) => {
            let estimate = estimate(ask, &posting.catalogue, wish.at, &wish.rules)?;
            let hold = new_hold(posting, wish, ask, *key, estimate);
            let again = charged_at_estimate(hold, wish.now);
            Ok(Step::Recorded(Receipt::of_pruned(first, &wish.user, text, &again)))
        }
        Found::Hold(hold) if hold.is_live(wish.now) => Ok(Step::Held(Hold::clone(hold))),
        Found::Hold(_) | Found::Nothing => {
            let estimate = estimate(ask, &posting.catalogue, wish.at, &wish.rules)?;
            let want = Want::from((&estimate, ask.target.provider.as_str(), ask.call_count));
            Ok(Step::New(new_hold(posting, wish, ask, *key, estimate), want))
        }
    }
}

fn new_hold(posting: &Posting, wish: &Wish, ask: &Ask, key: CallKey, estimate: Estimate) -> Hold {
    let ttl_ms = ask.ttl_ms.unwrap_or(wish.rules.hold_ttl_ms);
    Hold {
        key,
        provider: ask.target.provider.clone(),
        operation: estimate.operation,
        model: ask.target.model.clone(),
        variant: ask.target.variant,
        call_count: ask.call_count,
        usage: estimate.usage,
        cost: estimate.cost,
        price_version_id: estimate.price_version_id,
        price_match: estimate.price_match,
        reserved_at: ask.occurred_at.unwrap_or(wish.at),
        expires_at: wish.now.plus_micros(ttl_ms.saturating_mul(1000)),
        period_starts_at: posting.standing.usage_period.starts_at,
        state: HoldState::Open,
        input_estimate: ask.input_estimate,
    }
}

fn answer(posting: &Posting, user: &str, key: &str, step: Step) -> Reservation {
    match step {
        Step::Recorded(receipt) => Reservation::Duplicate(Box::new(receipt)),
        Step::Held(hold) => {
            let mut receipt = HoldReceipt::new(user, key, &hold);
            receipt.is_repeat = true;
            receipt.subscription_status = posting.standing.status;
            Reservation::Granted(Box::new(receipt))
        }
        Step::New(hold, _) => {
            let mut receipt = HoldReceipt::new(user, key, &hold);
            receipt.tightest = posting.tightest_for(&hold);
            receipt.subscription_status = posting.standing.status;
            Reservation::Granted(Box::new(receipt))
        }
    }
}

impl Meter {
    /// Whether a call may be made now. It reserves nothing: only [`Meter::reserve`] enforces.
    pub fn check_limit(&self, request: &CallRequest) -> Result<Decision> {
        self.check_limits(std::slice::from_ref(request))
    }

    /// Whether several calls of one user may be made together, each seeing those before it.
    pub fn check_limits(&self, requests: &[CallRequest]) -> Result<Decision> {
        // Nothing is reserved, so no keys are made: that asks the system for chance.
        let wish = self.question(requests)?;
        let at = wish.at;
        let view = self.inner.store.look(&wish.user, &[], &move |head| windows_at(head, at))?;
        let posting = Posting::new(&view, &wish.user, at, wish.now, &wish.rules)?;
        let mut wants = Vec::with_capacity(wish.asks.len());
        for ask in &wish.asks {
            let estimate = estimate(ask, &posting.catalogue, at, &wish.rules)?;
            wants.push(Want::from((&estimate, ask.target.provider.as_str(), ask.call_count)));
        }
        posting.decide(&wants)
    }
}
