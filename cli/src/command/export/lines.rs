//! JSON lines: one object a row; what is absent is left out, and money is decimal text.

use std::io::Write;

use super::Sink;
use super::row::{Column, Row, Value};
use super::text::Texts;
use crate::failure::Failure;

/// Writes rows as JSON objects, one a line.
pub(super) struct Lines<'a> {
    out: &'a mut dyn Write,
    /// `"name":` of each column.
    names: Vec<String>,
    line: Vec<u8>,
    texts: Texts,
}

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut dyn Write, columns: &[Column]) -> Self {
        let names = columns.iter().map(|column| format!("\"{}\":", column.name)).collect();
        Self { out, names, line: Vec::new(), texts: Texts::default() }
    }
}

impl Sink for Lines<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Failure> {
        let line = &mut self.line;
        line.clear();
        for (name, value) in self.names.iter().zip(&row.values) {
            if *value == Value::Missing {
                continue;
            }
            line.push(if line.is_empty() { b'{' } else { b',' });
            line.extend_from_slice(name.as_bytes());
            match value {
                Value::Missing => {}
                Value::Text(text) => serde_json::to_writer(&mut *line, text)?,
                Value::Json(text) => line.extend_from_slice(text.as_bytes()),
                Value::Integer(_) | Value::Flag(_) => self.texts.append(value, line)?,
                Value::Money(_) | Value::Time(_) | Value::Day(_) => {
                    line.push(b'"');
                    self.texts.append(value, line)?;
                    line.push(b'"');
                }
            }
        }
        line.extend_from_slice(b"}\n");
        Ok(self.out.write_all(line)?)
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        std::io::Error::from(error).into()
    }
}
