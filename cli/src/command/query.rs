//! Queries: plain SQL that only reads.

use alwrity_metering::{Cell, Table};
use clap::Args;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// One SELECT; the tables and views are in docs/schema.md
    sql: String,
}

/// A row as an object, its keys in the order of the columns.
struct Row<'a> {
    names: &'a [String],
    cells: &'a [Cell],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (name, cell) in self.names.iter().zip(self.cells) {
            match cell {
                Cell::Null => map.serialize_entry(name, &())?,
                Cell::Integer(number) => map.serialize_entry(name, number)?,
                Cell::Real(number) => map.serialize_entry(name, number)?,
                Cell::Text(text) => map.serialize_entry(name, text)?,
                Cell::Blob(bytes) => map.serialize_entry(name, &hex(bytes))?,
            }
        }
        map.end()
    }
}

pub(crate) fn run(args: &Query, context: &Context<'_>) -> Result<Answer, Failure> {
    let table = context.open()?.query(&args.sql)?;
    let names = distinct(&table.columns);
    let rows: Vec<Row<'_>> = table.rows.iter().map(|cells| Row { names: &names, cells }).collect();
    let answer = Answer::new(context, &rows, || show(&table, context))?;
    if !table.is_cut {
        return Ok(answer);
    }
    let message = format!("only the first {} rows are shown", table.rows.len());
    Ok(answer.warns(message, Some("`--query-rows-max` allows more")))
}

fn show(table: &Table, context: &Context<'_>) -> String {
    let mut sheet = context.sheet(&[]);
    sheet.row(table.columns.clone());
    for row in &table.rows {
        sheet.row(row.iter().map(cell_text));
    }
    sheet.render()
}

fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Blob(bytes) => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    bytes.iter().flat_map(digits).map(char::from).collect()
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
        let columns = ["b", "a", "b", "b_2"].map(str::to_owned);
        let names = distinct(&columns);
        assert_eq!(names, ["b", "a", "b_2", "b_2_2"]);
        let cells =
            [Cell::Integer(1), Cell::Null, Cell::Text("x".into()), Cell::Blob(vec![0, 255])];
        let json = serde_json::to_string(&Row { names: &names, cells: &cells }).unwrap();
        assert_eq!(json, r#"{"b":1,"a":null,"b_2":"x","b_2_2":"00ff"}"#);
    }
}
