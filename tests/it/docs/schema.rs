//! docs/schema.md lists every table and view with all of its columns, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alwrity_metering::{Meter, Options, Unit};

use super::page;

const NAMES: [&str; 14] = [
    "gemini",
    "openai",
    "anthropic",
    "mistral",
    "wavespeed",
    "tavily",
    "serper",
    "metaphor",
    "firecrawl",
    "exa",
    "stability",
    "video",
    "image_edit",
    "audio",
];
const LLMS: [&str; 4] = ["gemini", "openai", "anthropic", "mistral"];

type Columns = BTreeMap<String, BTreeSet<String>>;

/// The tables and views of a page: a heading with the name, then the first cell of each row.
fn documented(text: &str) -> Columns {
    let mut tables = Columns::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            let name = quoted(heading).next().filter(|_| line.starts_with("### "));
            current = name.map(|name| tables.entry(name.to_owned()).or_default());
        } else if let (Some(columns), Some(row)) = (&mut current, line.strip_prefix('|')) {
            let first = row.split('|').next().unwrap_or_default();
            for name in quoted(first).flat_map(expanded) {
                assert!(columns.insert(name.clone()), "`{name}` is listed twice: {line}");
            }
        }
    }
    tables
}

/// The texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The columns that a name with a placeholder stands for.
fn expanded(name: &str) -> Vec<String> {
    let each = |placeholder: &str, names: &[&str]| {
        names.iter().map(|one| name.replace(placeholder, one)).collect()
    };
    if name.contains("{usage}") {
        each("{usage}", &Unit::COMMON_NAMES)
    } else if name.contains("{name}") {
        each("{name}", &NAMES)
    } else if name.contains("{llm}") {
        each("{llm}", &LLMS)
    } else {
        vec![name.to_owned()]
    }
}

/// The tables and views of the file, without those that are SQLite's or the migrations' own.
fn real(file: &Path) -> Columns {
    let connection = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c \
               WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'refinery_%' \
               AND s.name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut tables = Columns::new();
    while let Some(row) = rows.next().unwrap() {
        tables.entry(row.get(0).unwrap()).or_default().insert(row.get(1).unwrap());
    }
    tables
}

#[test]
fn the_schema_is_documented_column_by_column() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metering.db");
    drop(Meter::open(&file, Options::default()).unwrap());
    let (real, documented) = (real(&file), documented(&page("docs/schema.md")));
    let names = |tables: &Columns| tables.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&documented), names(&real));
    for (table, columns) in &real {
        assert_eq!(&documented[table], columns, "`{table}`");
    }
}

#[test]
fn it_says_first_that_money_as_text_compares_wrongly() {
    let text = page("docs/schema.md");
    let first = text.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap();
    assert!(first.starts_with("**Money text compares and adds wrongly.**"), "{first}");
}

#[test]
fn a_page_is_read_by_headings_and_first_cells() {
    let text = "# a\n### `t`\n| column | x |\n| `id`, `{llm}_calls` | `no` |\n## b\n| `no` | |\n";
    let read = documented(text);
    assert_eq!(read.keys().collect::<Vec<_>>(), ["t"]);
    let columns = ["anthropic_calls", "gemini_calls", "id", "mistral_calls", "openai_calls"];
    assert_eq!(read["t"].iter().collect::<Vec<_>>(), columns);
}
