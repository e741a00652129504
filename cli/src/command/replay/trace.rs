//! Traces: the rows of a CSV file, moved to their place in time.

use std::path::Path;

use alwrity_metering::Timestamp;
use csv::StringRecord;

use crate::failure::Failure;

/// The largest count of tokens that a row may have.
const TOKENS_MAX: i64 = 1_000_000_000_000;

/// The names of the columns that are read.
pub(super) struct Columns {
    pub(super) time: String,
    pub(super) input: String,
    pub(super) output: String,
}

/// One call of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its place, counted from 0 below the head.
    pub(super) number: u64,
    /// When it is made, after the trace was moved.
    pub(super) at: Timestamp,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
}

/// A trace that was read.
pub(super) struct Trace {
    /// The name of the file, without its folder.
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
}

impl Trace {
    /// Reads the whole file, so that a bad row is found before anything is played.
    pub(super) fn read(
        path: &Path,
        columns: &Columns,
        start: Option<Timestamp>,
    ) -> Result<Self, Failure> {
        let file =
            std::fs::File::open(path).map_err(|error| Failure::file("open", path, &error))?;
        let shown = path.display().to_string();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let head = reader.headers().map_err(|error| unreadable(&shown, &error))?;
        let place = |name: &str| place(&shown, head, name);
        let places = (place(&columns.time)?, place(&columns.input)?, place(&columns.output)?);
        let mut rows = Vec::new();
        for (number, record) in (0..).zip(reader.records()) {
            let record = record.map_err(|error| unreadable(&shown, &error))?;
            rows.push(row(number, &record, places).map_err(|reason| {
                let line = record.position().map_or(0, csv::Position::line);
                Failure::other(format!("line {line} of `{shown}`: {reason}"))
            })?);
        }
        if let (Some(first), Some(start)) = (rows.iter().map(|row| row.at).min(), start) {
            for row in &mut rows {
                row.at = start.plus_micros(row.at.micros_since(first));
            }
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self { name: name.to_string_lossy().into_owned(), rows })
    }

    /// When the first call is made.
    pub(super) fn starts_at(&self) -> Option<Timestamp> {
        self.rows.iter().map(|row| row.at).min()
    }
}

fn unreadable(file: &str, error: &csv::Error) -> Failure {
    Failure::other(format!("could not read `{file}`: {error}"))
}

fn place(file: &str, head: &StringRecord, name: &str) -> Result<usize, Failure> {
    head.iter().position(|column| column == name).ok_or_else(|| {
        let known: Vec<String> = head.iter().map(|column| format!("`{column}`")).collect();
        Failure::other_with_hint(
            format!("`{file}` has no column `{name}`: it has {}", known.join(", ")),
            "name the columns with `--time-column`, `--input-column` and `--output-column`",
        )
    })
}

type Places = (usize, usize, usize);

fn row(number: u64, record: &StringRecord, places: Places) -> Result<Row, String> {
    let text = |place: usize| record.get(place).unwrap_or_default();
    let tokens = |place: usize| {
        let count: Option<i64> = text(place).parse().ok();
        count.filter(|count| (0..=TOKENS_MAX).contains(count)).ok_or_else(|| {
            format!("`{}` is no count of tokens from 0 to {TOKENS_MAX}", text(place))
        })
    };
    let (time, input, output) = places;
    Ok(Row {
        number,
        at: Timestamp::from_utc_text(text(time)).map_err(|error| error.to_string())?,
        input_tokens: tokens(input)?,
        output_tokens: tokens(output)?,
    })
}
