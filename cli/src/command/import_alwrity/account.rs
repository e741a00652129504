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

/// The rows of one user.
#[derive(Debug, Default)]
struct Rows {
    subscription: Option<SubscriptionRow>,
    renewals: Vec<RenewalRow>,
    alerts: Vec<AlertRow>,
}

impl Import<'_> {
    /// Maps the plans of a file, and adds those that the store does not have.
    pub(super) fn take_plans(&mut self, place: usize, source: &Source) -> Result<(), Failure> {
        for row in self.rows(source, PLANS, PlanRow::read)? {
            match self.plans.map(place, &row) {
                Ok(None) => {}
                Ok(Some(plan)) => match retried(|| self.meter.put_plan(&plan)) {
                    Ok(()) => self.all_plans.push(plan),
                    Err(error) => self.refused(source, PLANS, row.id.to_string(), error)?,
                },
                Err(error) => self.refused(source, PLANS, row.id.to_string(), error)?,
            }
        }
        Ok(())
    }

    /// Takes over subscriptions, renewals and alerts of a file.
    pub(super) fn take_accounts(&mut self, place: usize, source: &Source) -> Result<(), Failure> {
        let mut users: BTreeMap<String, Rows> = BTreeMap::new();
        for row in self.rows(source, SUBSCRIPTIONS, SubscriptionRow::read)? {
            let user = row.user.clone();
            users.entry(user).or_default().subscription = Some(row);
        }
        for row in self.rows(source, RENEWALS, RenewalRow::read)? {
            users.entry(row.user.clone()).or_default().renewals.push(row);
        }
        for row in self.rows(source, ALERTS, AlertRow::read)? {
            users.entry(row.user.clone()).or_default().alerts.push(row);
        }
        users.retain(|user, _| self.wants(user));
        for (user, rows) in &users {
            self.take_account(place, source, user, rows)?;
        }
        Ok(())
    }

    fn take_account(
        &mut self,
        place: usize,
        source: &Source,
        user: &str,
        rows: &Rows,
    ) -> Result<(), Failure> {
        let mut unknown = Vec::new();
        let mut renewals: Vec<Renewal<'_>> = Vec::new();
        for row in &rows.renewals {
            match self.plans.find(place, row.plan_id, row.plan_name.as_deref()) {
                Some(plan) => renewals.push((row, plan)),
                None => unknown.push((RENEWALS, row.plan_id)),
            }
        }
        let subscription = rows.subscription.as_ref().and_then(|row| {
            let plan = self.plans.find(place, row.plan_id, None);
            if plan.is_none() {
                unknown.push((SUBSCRIPTIONS, row.plan_id));
            }
            Some((row, plan?))
        });
        let terms = terms(&renewals, subscription);
        for (table, plan_id) in unknown {
            let reason = format!("there is no plan {plan_id} in the file");
            self.note(source, table, Some(user.to_owned()), reason);
        }
        let timeline = Timeline::new(terms.clone());
        let default_plan = self.context.options.default_plan.as_str();
        let alerts = alert::alerts(&rows.alerts, &timeline, default_plan, &self.all_plans);
        if terms.is_empty() && alerts.is_empty() {
            return Ok(());
        }
        self.users.insert(user.to_owned());
        self.adopt(source, user, History { terms, alerts })?;
        self.timelines.insert(user.to_owned(), timeline);
        Ok(())
    }

    /// Takes over a history. Where the user has another subscription here, that one stays, and
    /// the alerts alone are taken over.
    fn adopt(&mut self, source: &Source, user: &str, history: History) -> Result<(), Failure> {
        let before = self.alert_count(user);
        let mut outcome = retried(|| self.meter.adopt_history(user, &history));
        let History { alerts, .. } = history;
        let told = i64::try_from(alerts.len()).unwrap_or(i64::MAX);
        if let Err(error @ Error::SubscriptionState { .. }) = outcome {
            self.refused(source, SUBSCRIPTIONS, user.to_owned(), error)?;
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
            Err(error) => self.refused(source, SUBSCRIPTIONS, user.to_owned(), error),
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
        source: &Source,
        table: &'static str,
        read: impl Fn(&Fields<'_>) -> Result<T, Unread>,
    ) -> Result<Vec<T>, Failure> {
        let mut rows = Vec::new();
        source.each(table, |fields| {
            match read(fields) {
                Ok(row) => rows.push(row),
                Err(reason) => self.note(source, table, fields.text("id"), reason),
            }
            Ok(())
        })?;
        Ok(rows)
    }
}
