//! What a check of the whole store finds.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::State;
use super::tally::first_difference;
use crate::error::Result;
use crate::storage::Check;

/// What one check has found so far.
pub(super) struct Finding {
    name: &'static str,
    rows: usize,
    first_fault: Option<String>,
}

impl Finding {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, rows: 0, first_fault: None }
    }

    pub(super) fn add(&mut self, user: &str, found: Result<usize, String>) {
        match found {
            Ok(rows) => self.rows += rows,
            Err(fault) if self.first_fault.is_none() => {
                self.first_fault = Some(format!("user `{user}`: {fault}"));
            }
            Err(_) => {}
        }
    }

    pub(super) fn into_check(self) -> Check {
        let is_ok = self.first_fault.is_none();
        let found = self.first_fault.unwrap_or_else(|| format!("{} rows", self.rows));
        Check { name: self.name, found, is_ok }
    }
}

impl State {
    /// The ledger of every user against what is kept of it.
    pub(super) fn checks(&self) -> Result<Vec<Check>> {
        let mut counters = Finding::new("counters");
        let mut days = Finding::new("days");
        let mut keys = Finding::new("keys");
        let mut holds = Finding::new("holds");
        let mut models = Finding::new("models by period");
        let mut invoices = Finding::new("invoices");
        for (user, book) in &self.books {
            let (kept, counted) = (&book.tally, book.fold()?);
            counters.add(user, rows_or_difference(&kept.counters, &counted.counters));
            days.add(user, rows_or_difference(&kept.days, &counted.days));
            keys.add(user, book.check_keys());
            holds.add(user, book.check_holds());
            models.add(user, rows_or_difference(&kept.models, &counted.models));
            invoices.add(user, book.check_invoices());
        }
        Ok([counters, days, models, keys, holds, invoices].map(Finding::into_check).into())
    }
}

fn rows_or_difference<K: Ord + Debug, V: PartialEq + Debug>(
    kept: &BTreeMap<K, V>,
    counted: &BTreeMap<K, V>,
) -> Result<usize, String> {
    first_difference(kept, counted).map_or(Ok(kept.len()), Err)
}
