//! Tables: the answer of a read-only query.

use std::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// A cell of a query's answer. It shows itself as text; bytes as hexadecimal digits.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Blob(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Real(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Blob(_) => serializer.collect_str(self),
        }
    }
}

/// The answer of a read-only query. JSON shows its rows, each an object with its keys in the
/// order of the columns; a name that comes again is numbered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Whether rows were left out because there were too many.
    pub is_cut: bool,
}

/// A row as an object.
struct Row<'a> {
    names: &'a [String],
    cells: &'a [Cell],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (name, cell) in self.names.iter().zip(self.cells) {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = distinct(&self.columns);
        let mut rows = serializer.serialize_seq(Some(self.rows.len()))?;
        for cells in &self.rows {
            rows.serialize_element(&Row { names: &names, cells })?;
        }
        rows.end()
    }
}

/// The names of columns, a repeated one numbered, so that no key of an object comes twice.
fn distinct(columns: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let candidates =
            (1..).map(|n| if n == 1 { column.clone() } else { format!("{column}_{n}") });
        let free = candidates.take(columns.len() + 1).find(|name| !names.contains(name));
        names.push(free.unwrap_or_else(|| column.clone()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_the_order_of_its_columns_and_no_key_comes_twice() {
        let table = Table {
            columns: ["b", "a", "b", "b_2"].map(str::to_owned).to_vec(),
            rows: vec![vec![
                Cell::Integer(1),
                Cell::Null,
                Cell::Text("x".into()),
                Cell::Blob(vec![0, 255]),
            ]],
            is_cut: false,
        };
        let json = serde_json::to_string(&table).unwrap();
        assert_eq!(json, r#"[{"b":1,"a":null,"b_2":"x","b_2_2":"00ff"}]"#);
    }
}
