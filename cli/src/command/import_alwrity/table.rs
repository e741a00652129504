//! Tables: another program's rows, whichever of the columns are there.

use std::collections::HashMap;

use alwrity_metering::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::amount::{Exact, of_float, of_text};

/// Why a row cannot be read, for people.
pub(super) type Unread = String;

/// The columns of a table that is there, by name.
pub(super) type Columns = HashMap<String, usize>;

/// One row. A column that is not there is NULL: older versions have fewer.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    columns: &'a Columns,
    row: &'a Row<'a>,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(columns: &'a Columns, row: &'a Row<'a>) -> Self {
        Self { columns, row }
    }

    /// Whether the table has that column.
    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    fn value(&self, name: &str) -> Option<ValueRef<'a>> {
        let column = *self.columns.get(name)?;
        self.row.get_ref(column).ok().filter(|value| *value != ValueRef::Null)
    }

    /// A text, without what no name may hold at its ends; nothing when it is empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Null => return None,
        };
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The same, which has to be there.
    pub(super) fn needed_text(&self, name: &str) -> Result<String, Unread> {
        self.text(name).ok_or_else(|| format!("`{name}` is empty"))
    }

    /// An enum, stored by its name or by its value: `GEMINI`, `gemini`, `APIProvider.GEMINI`.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let word = text.rsplit('.').next().unwrap_or(&text);
        Some(word.to_lowercase())
    }

    /// A number that may have decimals.
    pub(super) fn exact(&self, name: &str) -> Result<Option<Exact>, Unread> {
        let exact = match self.value(name) {
            None => return Ok(None),
            Some(ValueRef::Real(number)) => of_float(number),
            Some(_) => self.text(name).as_deref().and_then(of_text),
        };
        exact.map(Some).ok_or_else(|| self.unread(name, "a number below nine million"))
    }

    /// A whole number.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Unread> {
        let Some(text) = self.text(name) else { return Ok(None) };
        // The text of a float without decimals is that of a whole number.
        text.parse().map(Some).map_err(|_| self.unread(name, "a whole number"))
    }

    /// A count: 0 when it is not there, and never negative.
    pub(super) fn count(&self, name: &str) -> Result<i64, Unread> {
        match self.whole(name)?.unwrap_or(0) {
            negative if negative < 0 => Err(self.unread(name, "0 or more")),
            count => Ok(count),
        }
    }

    /// A time; one without a zone is UTC, as everything is that ALwrity writes.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Unread> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let is_day = text.len() == "YYYY-MM-DD".len();
        let full = if is_day { format!("{text} 00:00:00") } else { text };
        Timestamp::from_utc_text(&full).map(Some).map_err(|_| self.unread(name, "a time"))
    }

    /// Yes or no; nothing when it is not there.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let text = self.text(name)?;
        Some(!matches!(text.to_lowercase().as_str(), "0" | "false" | "no"))
    }

    fn unread(&self, name: &str, expected: &str) -> Unread {
        let text: String = self.text(name).unwrap_or_default().chars().take(40).collect();
        format!("`{name}` is `{text}`, expected {expected}")
    }
}
