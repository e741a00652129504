//! What earlier imports recorded, so that rows which ALwrity has put together since do not count
//! twice: it replaces old rows of its log by one that stands for them all, and the summaries keep
//! counting rows that are gone.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use alwrity_metering::domain::time::Span;
use alwrity_metering::{CallRecord, Meter, Result, Timestamp};

use super::call::{AGGREGATED, SUMMARY, TAG};

/// What tells a call that stands for many: its kind, who is paid, when it was made, and for how
/// many.
type Whole = (String, String, i64, i64);

/// What the store had of one user's imported calls when this import began.
#[derive(Debug, Default)]
struct Account {
    /// Rows of the log that this import has not met.
    unmet: i64,
    /// The calls that stand for many.
    wholes: HashSet<Whole>,
}

/// What the store had of each user that was met.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    accounts: HashMap<String, Account>,
}

impl Earlier {
    /// Reads what the store has of a user, before anything of it is recorded.
    pub(super) fn meet(&mut self, meter: &Meter, user: &str) -> Result<()> {
        if self.accounts.contains_key(user) {
            return Ok(());
        }
        let mut account = Account::default();
        meter.visit_calls(Some(user), Span::ALWAYS, &mut |_, call| {
            if call.details.tags.get(TAG.0).is_some_and(|from| from == TAG.1) {
                let endpoint = call.details.endpoint.unwrap_or_default();
                account.unmet += i64::from(endpoint != SUMMARY);
                if endpoint == SUMMARY || endpoint == AGGREGATED {
                    let at = call.occurred_at.micros();
                    account.wholes.insert((endpoint, call.provider, at, call.call_count));
                }
            }
            ControlFlow::Continue(())
        })?;
        self.accounts.insert(user.to_owned(), account);
        Ok(())
    }

    /// Notes that a row which was recorded earlier is still there.
    pub(super) fn met(&mut self, user: &str) {
        if let Some(account) = self.accounts.get_mut(user) {
            account.unmet -= 1;
        }
    }

    /// Why a call that stands for many may not be recorded: some that it may stand for are here.
    /// Nothing when it may, or was recorded itself. While rows of its user are still unread, they
    /// count as gone.
    pub(super) fn objection(&self, record: &CallRecord) -> Option<String> {
        let account = self.accounts.get(&record.user)?;
        let endpoint = record.details.endpoint.clone().unwrap_or_default();
        let at = record.occurred_at.map_or(0, Timestamp::micros);
        let is_known =
            account.wholes.contains(&(endpoint, record.provider.clone(), at, record.call_count));
        let gone = account.unmet;
        (gone > 0 && !is_known).then(|| {
            format!(
                "{gone} calls that an earlier import recorded are gone from the files, and this \
                 may stand for them: it was not recorded, or they would count twice"
            )
        })
    }
}
