//! Export: all calls or day rollups as one file, for other tools.
//!
//! One thread reads the store's snapshot, this one writes; so a slow disk does not hold the store,
//! and both cores work. A file appears under its name when it is whole.

mod delimited;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;
mod row;
mod text;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::counter::{Counter, DayKey};
use alwrity_metering::{Meter, Span, Timestamp};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use self::row::{Column, Row, call_columns, call_row, day_columns, day_row};
use crate::answer::{Answer, Exit};
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// What is written
    #[arg(value_enum)]
    what: What,
    /// The form of the file
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file, which must not be there yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Only this user's
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only what was used from this time on
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only what was used before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Every recorded call
    Calls,
    /// The sums by user, UTC day, provider, model and operation
    Rollups,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated values with a head; what is absent is empty
    Csv,
    /// One JSON object a line; what is absent is left out
    Jsonl,
    /// Apache Parquet; needs the feature `parquet` of this command
    Parquet,
}

/// Takes rows into a file of some form.
trait Sink {
    /// Takes one row.
    fn row(&mut self, row: &Row<'_>) -> Result<(), Failure>;

    /// Writes what is still to be written.
    fn finish(self: Box<Self>) -> Result<(), Failure>;
}

/// What the reading thread sends: rows, or why there are no more.
enum Batch {
    Calls(Vec<(Arc<str>, Call)>),
    Days(Vec<(Arc<str>, DayKey, Counter)>),
    Failed(alwrity_metering::Error),
}

/// The rows of one batch.
const BATCH: usize = 1024;
/// The batches that may wait to be written.
const BATCHES_WAITING: usize = 8;

#[derive(Serialize)]
struct Exported {
    rows: u64,
    file: Option<String>,
}

pub(crate) fn run(
    args: &Export,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let columns = match args.what {
        What::Calls => call_columns(),
        What::Rollups => day_columns(),
    };
    let bar = progress_bar(args, &meter, context);
    let Some(path) = &args.to else {
        let mut sink: Box<dyn Sink + '_> = match args.format {
            Format::Csv => Box::new(delimited::Delimited::new(out, &columns)?),
            Format::Jsonl => Box::new(lines::Lines::new(out, &columns)),
            Format::Parquet => {
                return Err(Failure::usage("a Parquet file has no stream", "give `--to FILE`"));
            }
        };
        write_rows(args, &meter, sink.as_mut(), &bar)?;
        sink.finish()?;
        return Ok(Answer { text: String::new(), exit: Exit::Done, warnings: Vec::new() });
    };
    let rows = write_file(args, &meter, path, &columns, &bar)?;
    let exported = Exported { rows, file: Some(path.display().to_string()) };
    Answer::new(context, &exported, || format!("{rows} rows in {}", path.display()))
}

/// Writes a file beside its name, and gives it the name when it is whole.
fn write_file(
    args: &Export,
    meter: &Meter,
    path: &Path,
    columns: &[Column],
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    if path.exists() {
        let message = format!("there is a file `{}` already", path.display());
        return Err(Failure::other_with_hint(message, "give another name, or remove it"));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let written = fill(args, meter, &partial, columns, bar).and_then(|rows| {
        let failed = |error| Failure::file("write", path, &error);
        std::fs::rename(&partial, path).map(|()| rows).map_err(failed)
    });
    if written.is_err() {
        // What is half done is of no use; that it cannot be removed is not the failure to tell.
        drop(std::fs::remove_file(&partial));
    }
    written
}

fn fill(
    args: &Export,
    meter: &Meter,
    path: &Path,
    columns: &[Column],
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    let failed = |error: std::io::Error| Failure::file("write", path, &error);
    let file = create(path).map_err(failed)?;
    let mut kept = BufWriter::with_capacity(1 << 18, file.try_clone().map_err(failed)?);
    let mut sink: Box<dyn Sink + '_> = match args.format {
        Format::Csv => Box::new(delimited::Delimited::new(&mut kept, columns)?),
        Format::Jsonl => Box::new(lines::Lines::new(&mut kept, columns)),
        Format::Parquet => parquet_sink(file.try_clone().map_err(failed)?, columns)?,
    };
    let rows = write_rows(args, meter, sink.as_mut(), bar)?;
    sink.finish()?;
    kept.flush().map_err(failed)?;
    file.sync_all().map_err(failed)?;
    Ok(rows)
}

/// For its owner alone, as the store is: it tells who called what.
fn create(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(feature = "parquet")]
fn parquet_sink(file: File, columns: &[Column]) -> Result<Box<dyn Sink>, Failure> {
    Ok(Box::new(parquet::Parquet::new(file, columns)?))
}

#[cfg(not(feature = "parquet"))]
fn parquet_sink(_: File, _: &[Column]) -> Result<Box<dyn Sink>, Failure> {
    let hint = "build it with `--features parquet`, or export CSV, which most tools read as well";
    Err(Failure::usage("this command was built without Parquet", hint))
}

/// Reads on a thread of its own and writes here; how many rows.
fn write_rows(
    args: &Export,
    meter: &Meter,
    sink: &mut (dyn Sink + '_),
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    let (sender, receiver) = sync_channel(BATCHES_WAITING);
    std::thread::scope(|scope| {
        scope.spawn(move || read_rows(args, meter, &sender));
        // The receiver goes with the first failure, which also ends the reading.
        take_rows(receiver, sink, bar)
    })
}

fn take_rows(
    receiver: Receiver<Batch>,
    sink: &mut (dyn Sink + '_),
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    let mut rows = 0;
    let mut count = |length: usize| {
        let length = u64::try_from(length).unwrap_or(0);
        rows += length;
        bar.inc(length);
    };
    for batch in receiver {
        match batch {
            Batch::Calls(calls) => {
                count(calls.len());
                let mut row = Row::default();
                for (user, call) in &calls {
                    call_row(&mut row, user, call);
                    sink.row(&row)?;
                }
            }
            Batch::Days(days) => {
                count(days.len());
                let mut row = Row::default();
                for (user, key, sum) in &days {
                    day_row(&mut row, user, key, sum);
                    sink.row(&row)?;
                }
            }
            Batch::Failed(error) => return Err(error.into()),
        }
    }
    bar.finish_and_clear();
    Ok(rows)
}

fn read_rows(args: &Export, meter: &Meter, sender: &SyncSender<Batch>) {
    let within = Span {
        starts_at: args.from.unwrap_or(Span::ALWAYS.starts_at),
        ends_at: args.until.unwrap_or(Span::ALWAYS.ends_at),
    };
    let user = args.user.as_deref();
    // Who does not take a batch any more has failed, and tells so itself.
    let go_on = |sent: bool| if sent { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let outcome = match args.what {
        What::Calls => {
            let mut batch = Vec::with_capacity(BATCH);
            let read = meter.visit_calls(user, within, &mut |user, call| {
                batch.push((Arc::clone(user), call));
                go_on(batch.len() < BATCH || send(sender, Batch::Calls, &mut batch))
            });
            send(sender, Batch::Calls, &mut batch);
            read
        }
        What::Rollups => {
            let mut batch = Vec::with_capacity(BATCH);
            let read = meter.visit_days(user, within, &mut |user, key, sum| {
                batch.push((Arc::clone(user), key, sum));
                go_on(batch.len() < BATCH || send(sender, Batch::Days, &mut batch))
            });
            send(sender, Batch::Days, &mut batch);
            read
        }
    };
    if let Err(error) = outcome {
        drop(sender.send(Batch::Failed(error)));
    }
}

/// Sends what was gathered; whether somebody took it.
fn send<T>(sender: &SyncSender<Batch>, batch: impl Fn(Vec<T>) -> Batch, rows: &mut Vec<T>) -> bool {
    let full = std::mem::replace(rows, Vec::with_capacity(BATCH));
    sender.send(batch(full)).is_ok()
}

fn progress_bar(args: &Export, meter: &Meter, context: &Context<'_>) -> ProgressBar {
    if !context.shows_progress {
        return ProgressBar::hidden();
    }
    let sql = match args.what {
        What::Calls => "SELECT count(*) FROM calls",
        What::Rollups => "SELECT count(*) FROM days",
    };
    let whole = args.user.is_none() && args.from.is_none() && args.until.is_none();
    let count = meter.query(sql).ok().filter(|_| whole).and_then(|table| {
        match table.rows.first()?.first()? {
            alwrity_metering::Cell::Integer(count) => u64::try_from(*count).ok(),
            _ => None,
        }
    });
    let (bar, form) = match count {
        Some(count) => (ProgressBar::new(count), "{bar:30} {pos}/{len} rows, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} rows"),
    };
    let style = ProgressStyle::with_template(form);
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
