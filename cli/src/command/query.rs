//! Queries: plain SQL that only reads.

use alwrity_metering::Table;
use clap::Args;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// One SELECT; the tables and views are in docs/schema.md
    sql: String,
}

pub(crate) fn run(args: &Query, context: &Context<'_>) -> Result<Answer, Failure> {
    let table = context.open()?.query(&args.sql)?;
    let answer = Answer::new(context, &table, || show(&table, context))?;
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
        sheet.row(row.iter().map(ToString::to_string));
    }
    sheet.render()
}
