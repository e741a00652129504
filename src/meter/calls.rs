//! The log: a user's recorded calls, newest first.

use super::Meter;
use crate::domain::call::in_range;
use crate::domain::name;
use crate::error::Result;
use crate::storage::{CallFilter, CallPage, Page};

impl Meter {
    /// A page of a user's recorded calls, newest first, and how many there are in all.
    ///
    /// `page.before_id` is the cursor: give the id of the last call that was seen.
    pub fn calls(&self, user: &str, filter: &CallFilter, page: Page) -> Result<CallPage> {
        let user = name::user(user)?;
        in_range("limit", page.limit, 1, 5000)?;
        in_range("offset", page.offset, 0, i64::MAX)?;
        self.inner.store.calls(user, &normalised(filter), page)
    }
}

/// The filter with names as the ledger keeps them: trimmed and in lower case.
fn normalised(filter: &CallFilter) -> CallFilter {
    let name = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_lowercase());
    CallFilter {
        provider: name(&filter.provider),
        operation: name(&filter.operation),
        model: name(&filter.model),
        ..filter.clone()
    }
}
