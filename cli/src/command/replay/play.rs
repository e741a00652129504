//! Playing: what becomes of the rows of one job.

use alwrity_metering::{
    CallOutcome, CallRecord, CallRequest, Error, Meter, Receipt, RecordStatus, Reservation, Result,
    Usage,
};

use super::tally::{Refusal, Tally};
use super::trace::{Row, Trace};
use super::{Replay, Share};
use crate::failure::Failure;
use crate::retry::retried;

/// How many rows are recorded together.
const CHUNK: usize = 256;

/// Plays the rows of one job, and counts what became of them.
pub(super) struct Player<'a> {
    args: &'a Replay,
    trace: &'a Trace,
    meter: &'a Meter,
    pub(super) tally: Tally,
}

/// The user of a row.
pub(super) fn user_of(row: u64, users: u64) -> String {
    format!("user-{}", row % users.max(1))
}

/// Enters a call into the ledger, again while that fails in a way that may pass. A call that an
/// attempt of ours may have entered is recorded by us: no duplicate.
fn entered(earlier: Option<&Error>, mut enter: impl FnMut() -> Result<Receipt>) -> Result<Receipt> {
    let is_unsure = |error: &Error| matches!(error, Error::OutcomeUnknown { .. });
    let mut may_be_ours = earlier.is_some_and(is_unsure);
    let receipt = retried(|| {
        let outcome = enter();
        may_be_ours |= outcome.as_ref().is_err_and(is_unsure);
        outcome
    })?;
    let status = if may_be_ours { RecordStatus::Recorded } else { receipt.status };
    Ok(Receipt { status, ..receipt })
}

impl<'a> Player<'a> {
    pub(super) fn new(args: &'a Replay, trace: &'a Trace, meter: &'a Meter) -> Self {
        Self { args, trace, meter, tally: Tally::default() }
    }

    /// Plays the rows of a share; `progress` hears of rows that are done.
    pub(super) fn play(
        &mut self,
        share: Share,
        progress: &mut dyn FnMut(u64) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let users = self.args.users;
        let trace = self.trace;
        let own: Vec<&Row> =
            trace.rows.iter().filter(|row| share.contains(row.number, users)).collect();
        // Without holds there is nothing to wait for, so a chunk is one transaction.
        for chunk in own.chunks(CHUNK) {
            if self.args.enforce {
                for row in chunk {
                    self.enforce(row).map_err(|error| self.failed(row, &error))?;
                }
            } else {
                self.record(chunk)?;
            }
            progress(u64::try_from(chunk.len()).unwrap_or(0))?;
        }
        Ok(())
    }

    fn user(&self, row: &Row) -> String {
        user_of(row.number, self.args.users)
    }

    /// `FILE NAME:ROW`, the row counted from 0.
    fn key(&self, row: &Row) -> String {
        format!("{}:{}", self.trace.name, row.number)
    }

    fn failed(&self, row: &Row, error: &Error) -> Failure {
        let message = format!("row {} of `{}`: {error}", row.number, self.trace.name);
        Failure::other_with_hint(message, error.hint())
    }

    /// Records rows together, and those again that failed in a way that may pass.
    fn record(&mut self, rows: &[&Row]) -> Result<(), Failure> {
        let records: Vec<CallRecord> = rows.iter().map(|row| self.call(row)).collect();
        let outcomes = self.meter.record_calls(&records);
        for ((row, record), outcome) in rows.iter().zip(&records).zip(outcomes) {
            let outcome = match outcome {
                Err(error) if error.is_retryable() => {
                    entered(Some(&error), || self.meter.record_call(record))
                }
                answered => answered,
            };
            outcome
                .and_then(|receipt| self.count(&receipt))
                .map_err(|error| self.failed(row, &error))?;
        }
        Ok(())
    }

    fn call(&self, row: &Row) -> CallRecord {
        let usage = Usage::tokens(row.input_tokens, row.output_tokens);
        CallRecord {
            operation: self.args.operation.clone(),
            occurred_at: Some(row.at),
            idempotency_key: Some(self.key(row)),
            ..CallRecord::new(&self.user(row), &self.args.provider, &self.args.model, usage)
        }
    }

    /// Reserves a row for its own counts, and settles it when it fits.
    fn enforce(&mut self, row: &Row) -> Result<()> {
        let user = self.user(row);
        let request = CallRequest {
            operation: self.args.operation.clone(),
            occurred_at: Some(row.at),
            idempotency_key: Some(self.key(row)),
            ..CallRequest::new(&user, &self.args.provider, &self.args.model)
                .with_tokens(row.input_tokens, row.output_tokens)
        };
        match retried(|| self.meter.reserve(&request))? {
            Reservation::Granted(hold) => {
                let usage = Usage::tokens(row.input_tokens, row.output_tokens);
                let outcome = CallOutcome::from(usage);
                let settle = || self.meter.settle(&user, hold.hold_id, &outcome);
                self.count(&entered(None, settle)?)
            }
            Reservation::Duplicate(_) => {
                self.tally.duplicates += 1;
                Ok(())
            }
            Reservation::Refused(decision) => {
                self.tally.refused += 1;
                if self.args.list_refusals || self.args.refusals_to.is_some() {
                    self.tally.refusals.push(Refusal {
                        row: row.number,
                        user,
                        limit: decision.limit.map(|limit| limit.name).unwrap_or_default(),
                        input_tokens: row.input_tokens,
                        output_tokens: row.output_tokens,
                    });
                }
                Ok(())
            }
        }
    }

    fn count(&mut self, receipt: &Receipt) -> Result<()> {
        match receipt.status {
            RecordStatus::Recorded => self.tally.record(receipt),
            RecordStatus::Duplicate => {
                self.tally.duplicates += 1;
                Ok(())
            }
        }
    }
}
