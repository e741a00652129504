//! Comma-separated values, as RFC 4180 describes them.

use std::io::Write;

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use super::Sink;
use super::row::{Column, Row, Value};
use super::text::Texts;
use crate::failure::Failure;

/// Writes rows as comma-separated values with a head.
pub(super) struct Delimited<'a> {
    writer: Writer<&'a mut dyn Write>,
    scratch: Vec<u8>,
    texts: Texts,
}

impl<'a> Delimited<'a> {
    pub(super) fn new(out: &'a mut dyn Write, columns: &[Column]) -> Result<Self, Failure> {
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::Any(b'\n'))
            .quote_style(QuoteStyle::Necessary)
            .buffer_capacity(1 << 16)
            .from_writer(out);
        writer.write_record(columns.iter().map(|column| column.name)).map_err(failed)?;
        Ok(Self { writer, scratch: Vec::new(), texts: Texts::default() })
    }

    fn field(&mut self, value: &Value<'_>) -> Result<(), Failure> {
        match value {
            Value::Text(text) => return self.writer.write_field(text).map_err(failed),
            Value::Json(text) => return self.writer.write_field(text.as_ref()).map_err(failed),
            _ => {}
        }
        self.scratch.clear();
        self.texts.append(value, &mut self.scratch)?;
        self.writer.write_field(&self.scratch).map_err(failed)
    }
}

impl Sink for Delimited<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Failure> {
        for value in &row.values {
            self.field(value)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(failed)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }
}

fn failed(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => Failure::other(format!("could not write a row: {other:?}")),
    }
}
