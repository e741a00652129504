//! The ledger: rows of logs and what summaries have beyond them, recorded in parts.

use std::collections::{BTreeMap, HashMap, HashSet};

use alwrity_metering::{CallRecord, Error, Receipt, RecordStatus, Result as Metered};

use super::call::{self, instant_in};
use super::lines::{Key, Sum};
use super::row::{LogRow, SummaryRow};
use super::source::Source;
use super::{Import, LOGS, SUMMARIES};
use crate::answer::Exit;
use crate::failure::Failure;
use crate::retry::retried;

/// How many rows are recorded together.
const CHUNK: usize = 1024;

/// The rows that were seen of users that are in more than one file, such as a backup: each counts
/// once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rows: HashMap<String, HashSet<(i64, i64)>>,
}

impl Seen {
    /// Watches the users that are in more than one of these files.
    pub(super) fn watch(&mut self, files: &HashMap<String, u64>) {
        let shared = files.iter().filter(|(_, count)| **count > 1);
        self.rows.extend(shared.map(|(user, _)| (user.clone(), HashSet::new())));
    }

    /// Whether a row is the first of its kind.
    fn is_first(&mut self, row: &LogRow) -> bool {
        let seen = self.rows.get_mut(&row.user);
        seen.is_none_or(|seen| seen.insert((row.id, row.at.micros())))
    }
}

impl Import<'_> {
    /// Records the logs of a file, but for rows that may stand for calls which are here already:
    /// that is known when all files were read.
    pub(super) fn take_logs(&mut self, place: usize, source: &Source) -> Result<(), Failure> {
        let mut chunk = Vec::with_capacity(CHUNK);
        source.each(LOGS, |fields| {
            match LogRow::read(fields) {
                Ok(row) if !self.wants(&row.user) || !self.seen.is_first(&row) => self.bar.inc(1),
                Ok(row) => {
                    self.earlier.meet(self.meter, &row.user)?;
                    if call::is_aggregated(&row)
                        && self.earlier.objection(&call::record(&row)).is_some()
                    {
                        self.aggregated.push((place, row));
                    } else {
                        chunk.push(row);
                    }
                }
                Err(reason) => {
                    self.bar.inc(1);
                    self.note(place, LOGS, fields.text("id"), reason);
                }
            }
            if chunk.len() < CHUNK {
                return Ok(());
            }
            self.record(place, &std::mem::take(&mut chunk))
        })?;
        self.record(place, &chunk)
    }

    /// Records the rows that stand for many, unless an earlier import may have recorded what they
    /// stand for. `rows_put_together_since_the_last_import_do_not_count_twice` guards that.
    pub(super) fn take_aggregated(&mut self) -> Result<(), Failure> {
        for (place, row) in std::mem::take(&mut self.aggregated) {
            let Some(reason) = self.earlier.objection(&call::record(&row)) else {
                self.record(place, &[row])?;
                continue;
            };
            self.users.insert(row.user.clone());
            self.tally.conflicts += 1;
            self.lines.skip(&row);
            self.note(place, LOGS, Some(row.id.to_string()), reason);
            self.bar.inc(1);
        }
        Ok(())
    }

    fn record(&mut self, place: usize, rows: &[LogRow]) -> Result<(), Failure> {
        let records: Vec<CallRecord> = rows.iter().map(call::record).collect();
        for (row, outcome) in rows.iter().zip(self.adopted(&records)) {
            self.users.insert(row.user.clone());
            let costs = [row.cost_total, row.cost_input, row.cost_output];
            let is_rounded = costs.iter().flatten().any(|cost| cost.is_rounded);
            self.tally.costs_rounded += u64::from(is_rounded);
            match outcome {
                Ok(receipt) => {
                    match receipt.status {
                        RecordStatus::Recorded => self.tally.logs_recorded += 1,
                        RecordStatus::Duplicate => {
                            self.tally.logs_known += 1;
                            // What was pruned was not found in the store before.
                            if !receipt.pruned {
                                self.earlier.met(&row.user);
                            }
                        }
                    }
                    self.lines.add(row, &receipt);
                }
                Err(error) => {
                    self.lines.skip(row);
                    if matches!(error, Error::IdempotencyConflict { .. }) {
                        self.earlier.met(&row.user);
                    }
                    self.refused(place, LOGS, row.id.to_string(), error)?;
                }
            }
        }
        self.bar.inc(u64::try_from(rows.len()).unwrap_or(0));
        Ok(())
    }

    /// Records calls, and those again that failed in a way that may pass.
    fn adopted(&self, records: &[CallRecord]) -> Vec<Metered<Receipt>> {
        let outcomes = self.meter.adopt_calls(records);
        let again = |(record, outcome): (&CallRecord, Metered<Receipt>)| match outcome {
            Err(error) if error.is_retryable() => retried(|| {
                let mut answers = self.meter.adopt_calls(std::slice::from_ref(record));
                let missing = || Error::Internal { reason: "no answer".to_owned() };
                answers.pop().ok_or_else(missing)?
            }),
            answered => answered,
        };
        records.iter().zip(outcomes).map(again).collect()
    }

    /// Notes a row that the store does not take; any other failure ends the import.
    pub(super) fn refused(
        &mut self,
        place: usize,
        table: &'static str,
        row: String,
        error: Error,
    ) -> Result<(), Failure> {
        let is_conflict =
            matches!(error, Error::IdempotencyConflict { .. } | Error::SubscriptionState { .. });
        self.tally.conflicts += u64::from(is_conflict);
        let failure = Failure::from(error);
        if is_conflict || failure.exit_code() == Exit::Usage.code() {
            self.note(place, table, Some(row), failure.to_string());
            return Ok(());
        }
        Err(failure)
    }

    /// Reads the summaries of a file. Of two of one user and period the later one counts.
    pub(super) fn read_summaries(
        &mut self,
        place: usize,
        source: &Source,
        summaries: &mut Summaries,
    ) -> Result<(), Failure> {
        source.each(SUMMARIES, |fields| {
            match SummaryRow::read(fields) {
                Ok(row) if !self.wants(&row.user) => {}
                Ok(row) => {
                    let key = (row.user.clone(), row.period.clone());
                    let rank = |row: &SummaryRow| (row.updated_at, row.total.calls);
                    let known = summaries.get(&key);
                    if known.is_none_or(|(_, known)| rank(known) < rank(&row)) {
                        summaries.insert(key, (place, row));
                    }
                }
                Err(reason) => self.note(place, SUMMARIES, fields.text("id"), reason),
            }
            Ok(())
        })
    }

    /// Records what summaries have beyond their logs.
    pub(super) fn keep_summaries(&mut self, summaries: &Summaries) -> Result<(), Failure> {
        let mut missing: Vec<(usize, Key, Sum, CallRecord)> = Vec::new();
        for (place, row) in summaries.values() {
            self.users.insert(row.user.clone());
            self.earlier.meet(self.meter, &row.user)?;
            for (key, beyond) in self.lines.add_summary(row) {
                let at = instant_in(self.timeline(&row.user), &row.period, row.created_at);
                let record = call::kept(&row.user, &row.period, &key.2, beyond, at);
                if let Some(reason) = self.earlier.objection(&record) {
                    self.tally.conflicts += 1;
                    self.lines.leave(&key);
                    self.note(*place, SUMMARIES, Some(name_of(&key)), reason);
                    continue;
                }
                missing.push((*place, key, beyond, record));
            }
        }
        for part in missing.chunks(CHUNK) {
            let records: Vec<CallRecord> = part.iter().map(|(.., record)| record.clone()).collect();
            for ((place, key, beyond, _), outcome) in part.iter().zip(self.adopted(&records)) {
                match outcome {
                    Ok(receipt) => {
                        match receipt.status {
                            RecordStatus::Recorded => self.tally.summaries_kept += 1,
                            RecordStatus::Duplicate => self.tally.summaries_known += 1,
                        }
                        self.lines.keep(key, *beyond, &receipt);
                    }
                    Err(error) => {
                        self.refused(*place, SUMMARIES, name_of(key), error)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a part of a summary is called among the problems.
fn name_of((user, period, provider): &Key) -> String {
    format!("{user} {period} {provider}")
}

/// The summaries by user and period, and the place of the file that each is of.
pub(super) type Summaries = BTreeMap<(String, String), (usize, SummaryRow)>;
