//! Quoting: what a call would cost, without recording anything.

use super::Meter;
use super::draft::{Draft, cost_of};
use super::receipt::{Quote, QuotedPrice};
use crate::domain::call::CallRecord;
use crate::error::Result;

impl Meter {
    /// Prices a call without recording it. The user may be empty. Prices are at most a second
    /// old when another process has just changed them.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{CallRecord, Meter, Options, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("metering.db");
    /// let meter = Meter::open(&path, Options::default())?;
    /// meter.seed("default")?;
    /// let call = CallRecord::new("", "openai", "gpt-4o-mini", Usage::tokens(1_000_000, 0));
    /// assert_eq!(meter.quote(&call)?.cost_usd.unwrap().to_string(), "0.15");
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn quote(&self, call: &CallRecord) -> Result<Quote> {
        let draft = Draft::try_from(call)?;
        let catalogue = self.inner.store.recent_catalogue()?;
        let at = call.occurred_at.unwrap_or_else(|| self.now());
        let costing = cost_of(&draft, &catalogue, at, &self.inner.rules.unknown_price)?;
        let version = costing.price_version_id.and_then(|id| catalogue.prices.by_id(id));
        let charge = costing.charge.unwrap_or_default();
        Ok(Quote {
            cost_usd: costing.cost,
            cost_input_usd: charge.cost_input_usd,
            cost_output_usd: charge.cost_output_usd,
            provider: draft.target.provider,
            operation: costing.operation,
            model: draft.target.model,
            lines: charge.lines,
            price_version: version.map(|version| QuotedPrice {
                id: version.id,
                variant: version.variant,
                effective_from: version.effective_from,
                source: version.source.clone(),
            }),
            price_match: costing.price_match,
        })
    }
}
