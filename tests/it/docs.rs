//! The documents: what they list is what the code has, and what they show works.

mod events;
mod schema;
mod tables;

use std::fmt::Write as _;
use std::fs;

use alwrity_metering::{CallRecord, Meter, Options, Subscribe, Synchronous, Usage};

use crate::house::source::{Source, root, sources};

/// Every document.
fn pages() -> Vec<Source> {
    sources().into_iter().filter(|source| source.has_extension("md")).collect()
}

/// A document's text.
fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of code in a language, each with the line that it starts at.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        open = match (open.take(), line.trim_start().strip_prefix("```")) {
            (None, Some(name)) => Some((number, name.trim() == language, String::new())),
            (None, None) => None,
            (Some((start, is_wanted, body)), Some(_)) => {
                blocks.extend(is_wanted.then_some((start, body)));
                None
            }
            (Some((start, is_wanted, mut body)), None) => {
                writeln!(body, "{line}").unwrap();
                Some((start, is_wanted, body))
            }
        };
    }
    blocks
}

#[test]
fn every_sql_statement_that_is_shown_runs() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    let meter = Meter::open(folder.path().join("metering.db"), options).unwrap();
    meter.seed("default").unwrap();
    meter.subscribe("ada", &Subscribe::monthly("pro")).unwrap();
    let call = CallRecord::new("ada", "openai", "gpt-4o-mini", Usage::tokens(374, 44));
    meter.record_call(&call).unwrap();
    let mut shown = 0;
    for page in pages() {
        for (line, sql) in blocks(&page.text, "sql") {
            let place = format!("{}:{line}", page.path);
            let table = meter.query(&sql).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(!table.rows.is_empty(), "{place}: it finds nothing");
            shown += 1;
        }
    }
    assert!(shown >= 2, "only {shown} statements were found");
}

#[test]
fn blocks_are_found_by_their_language() {
    let text = "a\n```sql\nSELECT 1\n```\n```sh\nls\n```\n";
    assert_eq!(blocks(text, "sql"), [(2, "SELECT 1\n".to_owned())]);
    assert!(blocks(text, "rust").is_empty());
}
