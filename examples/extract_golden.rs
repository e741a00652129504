//! Prints what the golden bodies of `tests/golden/ingest` extract to, as one JSON list.
//!
//! `scripts/ingest/compare_extraction.py` reads it beside another implementation.

// A program prints.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::read_to_string;
use std::path::Path;

use alwrity_metering::ingest::extract_usage_text;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ingest");
    let cases: Vec<Value> = serde_json::from_str(&read_to_string(folder.join("cases.json"))?)?;
    let mut results = Vec::new();
    for case in cases {
        let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap_or_default();
        let body = read_to_string(folder.join(text("file")))?;
        let found = extract_usage_text(text("provider"), &body);
        results.push(json!({"id": text("id"), "provider": text("provider"), "found": found}));
    }
    println!("{}", serde_json::to_string_pretty(&results)?);
    Ok(())
}
