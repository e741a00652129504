//! Accounts: what a file says of each user beside its usage: subscription, renewals, alerts.

use std::collections::BTreeMap;

use alwrity_metering::domain::subscription::Timeline;
use alwrity_metering::{AlertFilter, Error, History, Page};

use super::row::{AlertRow, PlanRow, RenewalRow, SubscriptionRow};
use super::source::Source;
use super::table::{Fields, Unread};
use super::term::{Renewal, terms};
use super::{ALERTS, Import, PLANS, RENEWALS, SUBSCRIPTIONS, alert};
use crate::failure::Failure;
use crate::retry::retried;

/// The rows of one user, with the place of the file that each is of. A user may be in several
/// files, such as a backup: of what they tell differently, the later word counts.
#[derive(Debug, Default)]
pub(super) struct Rows {
    subscription: Option<(usize, SubscriptionRow)>,
    renewals: Vec<(usize, RenewalRow)>,
    alerts: Vec<(usize, AlertRow)>,
}

/// The rows of all users.
pub(super) type Accounts = BTreeMap<String, Rows>;

impl Rows {
    fn add_subscription(&mut self, place: usize, row: SubscriptionRow) {
        let rank = |row: &SubscriptionRow| (row.starts_at, row.updated_at);
        if self.subscription.as_ref().is_none_or(|(_, known)| rank(known) < rank(&row)) {
            self.subscription = Some((place, row));
        }
    }

    fn add_renewal(&mut self, place: usize, row: RenewalRow) {
        let is_same = |known: &RenewalRow| {
            (known.starts_at, known.ends_at, &known.kind) == (row.starts_at, row.ends_at, &row.kind)
        };
        match self.renewals.iter_mut().find(|(_, known)| is_same(known)) {
            Some(known) if known.1.paid_at < row.paid_at => *known = (place, row),
            Some(_) => {}
            None => self.renewals.push((place, row)),
        }
    }

    fn add_alert(&mut self, place: usize, row: AlertRow) {
        let is_same = |known: &AlertRow| {
            AlertRow { sent_at: row.sent_at, read_at: row.read_at, ..known.clone() } == row
        };
        match self.alerts.iter_mut().find(|(_, known)| is_same(known)) {
            Some(known) if known.1.read_at < row.read_at => *known = (place, row),
            Some(_) => {}
            None => self.alerts.push((place, row)),
        }
    }
}

impl Import<'_> {
    /// Maps the plans of a file, and adds those that the store does not have.
    pub(super) fn take_plans(&mut self, place: usize, source: &Source) -> Result<(), Failure> {
        for row in self.rows(place, source, PLANS, PlanRow::read)? {
            match self.plans.map(place, &row) {
                Ok(None) => {}
                Ok(Some(plan)) => match retried(|| self.meter.put_plan(&plan)) {
                    Ok(()) => self.all_plans.push(plan),
                    Err(error) => self.refused(place, PLANS, row.id.to_string(), error)?,
                },
                Err(error) => self.refused(place, PLANS, row.id.to_string(), error)?,
            }
        }
        Ok(())
    }

    /// Reads subscriptions, renewals and alerts of a file.
    pub(super) fn read_accounts(
        &mut self,
        place: usize,
        source: &Source,
        accounts: &mut Accounts,
    ) -> Result<(), Failure> {
        for row in self.rows(place, source, SUBSCRIPTIONS, SubscriptionRow::read)? {
            accounts.entry(row.user.clone()).or_default().add_subscription(place, row);
        }
        for row in self.rows(place, source, RENEWALS, RenewalRow::read)? {
            accounts.entry(row.user.clone()).or_default().add_renewal(place, row);
        }
        for row in self.rows(place, source, ALERTS, AlertRow::read)? {
            accounts.entry(row.user.clone()).or_default().add_alert(place, row);
        }
        accounts.retain(|user, _| self.wants(user));
        Ok(())
    }

    /// Takes over what was read of each user.
    pub(super) fn take_accounts(&mut self, accounts: &Accounts) -> Result<(), Failure> {
        for (user, rows) in accounts {
            self.take_account(user, rows)?;
        }
        Ok(())
    }

    fn take_account(&mut self, user: &str, rows: &Rows) -> Result<(), Failure> {
        let mut unknown = Vec::new();
        let mut renewals: Vec<Renewal<'_>> = Vec::new();
        for (place, row) in &rows.renewals {
            match self.plans.find(*place, row.plan_id, row.plan_name.as_deref()) {
                Some(plan) => renewals.push((row, plan)),
                None => unknown.push((*place, RENEWALS, row.plan_id)),
            }
        }
        let subscription = rows.subscription.as_ref().and_then(|(place, row)| {
            let plan = self.plans.find(*place, row.plan_id, None);
            if plan.is_none() {
                unknown.push((*place, SUBSCRIPTIONS, row.plan_id));
            }
            Some((row, plan?))
        });
        let terms = terms(&renewals, subscription);
        for (place, table, plan_id) in unknown {
            let reason = format!("there is no plan {plan_id} in the file");
            self.note(place, table, Some(user.to_owned()), reason);
        }
        let timeline = Timeline::new(terms.clone());
        let default_plan = self.context.options.default_plan.as_str();
        let told: Vec<&AlertRow> = rows.alerts.iter().map(|(_, row)| row).collect();
        let alerts = alert::alerts(told, &timeline, default_plan, &self.all_plans);
        if terms.is_empty() && alerts.is_empty() {
            return Ok(());
        }
        let places = [
            rows.subscription.as_ref().map(|(place, _)| *place),
            rows.renewals.first().map(|(place, _)| *place),
            rows.alerts.first().map(|(place, _)| *place),
        ];
        let place = places.into_iter().flatten().next().unwrap_or(0);
        self.users.insert(user.to_owned());
        self.adopt(place, user, History { terms, alerts })?;
        self.timelines.insert(user.to_owned(), timeline);
        Ok(())
    }

    /// Takes over a history. Where the user has another subscription here, that one stays, and
    /// the alerts alone are taken over.
    fn adopt(&mut self, place: usize, user: &str, history: History) -> Result<(), Failure> {
        let before = self.alert_count(user);
        let mut outcome = retried(|| self.meter.adopt_history(user, &history));
        let History { alerts, .. } = history;
        let told = i64::try_from(alerts.len()).unwrap_or(i64::MAX);
        if let Err(error @ Error::SubscriptionState { .. }) = outcome {
            self.refused(place, SUBSCRIPTIONS, user.to_owned(), error)?;
            let history = History { terms: Vec::new(), alerts };
            outcome = retried(|| self.meter.adopt_history(user, &history));
        }
        match outcome {
            Ok(adopted) => {
                let added = self.alert_count(user)? - before?;
                self.tally.terms_added += adopted.terms;
                self.tally.terms_known += adopted.known_terms;
                self.tally.alerts_added += added;
                self.tally.alerts_known += told - added;
                Ok(())
            }
            Err(error) => self.refused(place, SUBSCRIPTIONS, user.to_owned(), error),
        }
    }

    fn alert_count(&self, user: &str) -> Result<i64, Failure> {
        let filter = AlertFilter { with_dismissed: true, ..AlertFilter::default() };
        let page = Page { limit: 1, ..Page::default() };
        Ok(self.meter.alerts(user, &filter, page)?.total)
    }

    /// The rows of a table that can be read; the others are noted.
    fn rows<T>(
        &mut self,
        place: usize,
        source: &Source,
        table: &'static str,
        read: impl Fn(&Fields<'_>) -> Result<T, Unread>,
    ) -> Result<Vec<T>, Failure> {
        let mut rows = Vec::new();
        source.each(table, |fields| {
            match read(fields) {
                Ok(row) => rows.push(row),
                Err(reason) => self.note(place, table, fields.text("id"), reason),
            }
            Ok(())
        })?;
        Ok(rows)
    }
}
