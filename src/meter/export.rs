//! Exporting: every recorded call, or every day rollup, one after the other.

use super::Meter;
use crate::domain::name;
use crate::domain::time::Span;
use crate::error::Result;
use crate::storage::{VisitCall, VisitDay};

impl Meter {
    /// Visits the calls of one user, or of all, that were made within a span, in the order of
    /// recording, until `visit` breaks off. It sees one snapshot, whatever is recorded meanwhile.
    ///
    /// # Example
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use alwrity_metering::{CallRecord, Meter, Options, Span, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// meter.record_call(&CallRecord::new("u1", "tavily", "", Usage::none()))?;
    /// let mut seen = Vec::new();
    /// meter.visit_calls(None, Span::ALWAYS, &mut |user, call| {
    ///     seen.push((user.to_string(), call.provider));
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(seen, [("u1".to_owned(), "tavily".to_owned())]);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn visit_calls(
        &self,
        user: Option<&str>,
        within: Span,
        visit: &mut VisitCall<'_>,
    ) -> Result<()> {
        let user = user.map(name::user).transpose()?;
        self.inner.store.visit_calls(user, within, visit)
    }

    /// Visits the day rollups of one user, or of all, whose UTC day touches a span, by user and
    /// day, until `visit` breaks off. It sees one snapshot.
    pub fn visit_days(
        &self,
        user: Option<&str>,
        within: Span,
        visit: &mut VisitDay<'_>,
    ) -> Result<()> {
        let user = user.map(name::user).transpose()?;
        self.inner.store.visit_days(user, within, visit)
    }
}
