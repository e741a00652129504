//! Verification: whether the ledger gives every counter.

use std::ops::ControlFlow;

use serde::Serialize;

use super::Meter;
use crate::domain::recheck::{Difference, difference};
use crate::domain::time::Span;
use crate::error::Result;
use crate::storage::Check;

/// The checks of [`Meter::verify`](super::Meter::verify) in one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether all is well.
    pub is_ok: bool,
    /// The first check that found a difference.
    pub first_difference: Option<Check>,
    /// All checks.
    pub checks: Vec<Check>,
}

impl From<Vec<Check>> for Verification {
    fn from(checks: Vec<Check>) -> Self {
        let first_difference = checks.iter().find(|check| !check.is_ok).cloned();
        Self { is_ok: first_difference.is_none(), first_difference, checks }
    }
}

impl Meter {
    /// Rates every call anew, in one pass over one snapshot: the first difference.
    pub(super) fn recheck(&self, others: &[Check]) -> Result<Check> {
        let name = "costs";
        let store = &self.inner.store;
        let mut catalogue = store.catalogue()?;
        let (mut calls, mut broken) = (0_i64, None);
        let mut reloaded = Ok(());
        let visited = store.visit_calls(None, Span::ALWAYS, &mut |_, call| {
            calls += 1;
            if difference(&call, &catalogue.prices, &catalogue.units).is_none() {
                return ControlFlow::Continue(());
            }
            // Its price may be younger than the catalogue at hand; once used, it never changes.
            match store.catalogue() {
                Ok(newest) => catalogue = newest,
                Err(error) => {
                    reloaded = Err(error);
                    return ControlFlow::Break(());
                }
            }
            match difference(&call, &catalogue.prices, &catalogue.units) {
                None => ControlFlow::Continue(()),
                Some(found) => {
                    broken = Some((call.id, found));
                    ControlFlow::Break(())
                }
            }
        });
        let (found, is_ok) = match (visited.and(reloaded), broken) {
            (Ok(()), None) => (format!("{calls} calls, rated anew"), true),
            (Ok(()), Some((id, Difference { column, stored, recomputed }))) => {
                let found = format!("call {id}: `{column}` says {stored}, ");
                (format!("{found}its usage and price say {recomputed}"), false)
            }
            // Where rows are damaged, one that cannot be read is no failure of the store.
            (Err(error), _) if others.iter().any(|check| !check.is_ok) => {
                (error.to_string(), false)
            }
            (Err(error), _) => return Err(error),
        };
        Ok(Check { name, found, is_ok })
    }
}
