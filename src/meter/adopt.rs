//! Adopting: taking over what another system knew of a user, so that nothing begins at zero.
//!
//! What it is: terms and alerts as they were, written once. What it is not: a change of a
//! subscription, which has rules, a price and a payment; nothing is judged, charged or sent here.

use serde::Serialize;

use super::job::AlertsFrom;
use super::{About, Meter, no_windows};
use crate::domain::account::Account;
use crate::domain::alert::NewAlert;
use crate::domain::name;
use crate::domain::subscription::Term;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};
use crate::storage::{Changes, View};

/// What another system knew of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The terms of its subscription, with id 0.
    pub terms: Vec<Term>,
    /// What it was told. They are stored as they are, whatever their channels, and never sent.
    pub alerts: Vec<NewAlert>,
}

/// What became of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Terms that were added.
    pub terms: i64,
    /// Terms that were there already.
    pub known_terms: i64,
}

impl Meter {
    /// Takes over what another system knew of a user, creating the user if it was never seen.
    /// Adopt the history before the calls: the terms decide which period a call counts in.
    ///
    /// The same history again changes nothing, also after the subscription was changed here. An
    /// alert whose key was raised already is left as it is.
    ///
    /// # Errors
    /// `unknown_plan`, and `subscription_state` when the user has another history here.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::domain::subscription::Term;
    /// use alwrity_metering::{BillingCycle, History, Meter, Options};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// let term = Term::new("pro", BillingCycle::Monthly, "2025-10-15T00:00:00Z".parse()?);
    /// let history = History { terms: vec![term], alerts: vec![] };
    /// assert_eq!(meter.adopt_history("u1", &history)?.terms, 1);
    /// assert_eq!(meter.adopt_history("u1", &history)?.known_terms, 1);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn adopt_history(&self, user: &str, history: &History) -> Result<Adopted> {
        let user = name::user(user)?.to_owned();
        for term in &history.terms {
            term.external.validate()?;
        }
        let (history, now) = (history.clone(), self.now());
        self.run("adopt_history", |completion| {
            let about = About { alerts_from: AlertsFrom::Elsewhere, ..About::user(&user) };
            let decide = move |view: &View| adopt(view, &user, &history, now);
            self.submit(about, no_windows, decide, completion)
        })
    }
}

fn adopt(view: &View, user: &str, history: &History, now: Timestamp) -> Result<(Changes, Adopted)> {
    let unseen = Account::new(0, user, now);
    let account = view.head.account.as_deref().unwrap_or(&unseen);
    for term in &history.terms {
        view.head.catalogue.plan(&term.plan_id)?;
    }
    let known: Vec<Term> =
        account.timeline.terms().iter().map(|term| Term { id: 0, ..term.clone() }).collect();
    let there = history.terms.iter().filter(|term| known.contains(term)).count();
    let is_repeat = there == history.terms.len();
    if !is_repeat && !known.is_empty() {
        let reason = format!("`{user}` has another history here");
        return Err(Error::SubscriptionState { change: "adopt", reason });
    }
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let terms = if is_repeat { Vec::new() } else { history.terms.clone() };
    let adopted = Adopted { terms: count(terms.len()), known_terms: count(there) };
    let unsent = |alert: &NewAlert| NewAlert { channels: Vec::new(), ..alert.clone() };
    let changes = Changes {
        seen_at: view.head.account.is_none().then_some(now),
        terms,
        alerts: history.alerts.iter().map(unsent).collect(),
        ..Changes::default()
    };
    Ok((changes, adopted))
}
