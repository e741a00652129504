//! Tables that are made from the code: `UPDATE_DOCS=1` writes them, else they are compared.

use std::fs;

use alwrity_metering::Options;
use alwrity_metering::error::ERRORS;
use alwrity_metering::meter::options::OPTIONS;

use super::page;
use crate::house::source::root;

/// Compares the rows between `<!-- name -->` and `<!-- end -->`, below the two lines of the head.
fn assert_table(path: &str, name: &str, rows: &[String]) {
    let text = page(path);
    let (before, rest) = text.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (table, after) = rest.split_once("<!-- end -->\n").unwrap();
    let head: String = table.split_inclusive('\n').take(2).collect();
    let made = format!("{head}{}\n", rows.join("\n"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}<!-- {name} -->\n{made}<!-- end -->\n{after}");
        fs::write(root().join(path), text).unwrap();
        return;
    }
    let hint = "run `UPDATE_DOCS=1 cargo test --test it docs` and look at the difference";
    assert_eq!(table, made, "{path} is not what the code has: {hint}");
}

#[test]
fn options_are_those_of_the_code() {
    let row = |row: &alwrity_metering::meter::options::OptionRow| {
        let (environment, flag) = (row.environment(), row.flag());
        format!(
            "| `{}` | `{}` | {} | `{environment}` | `{flag}` | {} |",
            row.name, row.default, row.expected, row.meaning
        )
    };
    let rows: Vec<String> = OPTIONS.iter().map(row).collect();
    assert_table("docs/operations.md", "options", &rows);
}

/// A new field is a compile error here: give it a row of `OPTIONS`, or say why it has none.
#[test]
fn every_field_of_the_options_has_a_row_but_the_clock() {
    let Options {
        clock: _, // No text is a clock.
        default_plan: _,
        default_output_tokens: _,
        hold_margin_percent: _,
        estimate_margin_percent: _,
        hold_ttl_ms: _,
        unpriced_hold_usd: _,
        unknown_price: _,
        expired_holds: _,
        durability: _,
        synchronous: _,
        busy_timeout_ms: _,
        queue_capacity: _,
        query_rows_max: _,
        alert_channels: _,
        allow_linked_file: _,
        allow_network_disk: _,
    } = Options::default();
    assert_eq!(OPTIONS.len(), 16);
}

#[test]
fn errors_are_those_of_the_code() {
    let row = |row: &alwrity_metering::error::ErrorRow| {
        let retry = if row.is_retryable { "yes" } else { "no" };
        let meaning = row.meaning.trim();
        format!(
            "| {} | `{}` | {} | {retry} | {meaning} | {} |",
            row.number, row.code, row.http_status, row.hint
        )
    };
    let rows: Vec<String> = ERRORS.iter().map(row).collect();
    assert_table("docs/errors.md", "errors", &rows);
}
