//! Rooms: which part of the code may know which. Imports run one way only.

use std::collections::BTreeMap;

use super::source::{Source, Written, paths};

/// A room, and the rooms that it may use beside itself.
const ROOMS: [(&str, &[&str]); 5] = [
    ("error", &[]),
    ("domain", &["error", "ingest"]),
    ("ingest", &["error", "domain"]),
    ("storage", &["error", "domain", "ingest"]),
    ("meter", &["error", "domain", "ingest", "storage"]),
];

/// What only certain places may name: a path, where it may be named, and why nowhere else.
const KEPT: [(&[&str], &[&str], &str); 7] = [
    (
        &["rusqlite"],
        &["src/storage/sqlite/", "cli/src/command/import_alwrity/"],
        "a database behind the seam is replaceable; only another program's files are read too",
    ),
    (&["refinery"], &["src/storage/sqlite/"], "a database behind the seam is replaceable"),
    (&["SystemTime"], &["src/meter/clock.rs"], "the clock is read in one place"),
    (&["Utc", "now"], &[], "the clock is read in one place"),
    (&["alwrity_metering", "storage", "sqlite"], &[], "others know the public library alone"),
    (&["pyo3"], &["bindings/python/"], "Python is known in its binding alone"),
    (&["alwrity_metering_cli"], &["cli/", "bindings/python/"], "the C library sees the core only"),
];

/// What the pure rooms may not touch: disk, net, environment, time, threads, chance, logs.
const IMPURE: [&str; 14] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time",
    "rusqlite",
    "rustix",
    "tempfile",
    "tracing",
    "uuid",
    "rand",
    "chrono::Local",
];

/// The wrong directions of the sources of the core, of the command and of the C library.
pub(crate) fn wrong_directions(sources: &[Source]) -> Vec<String> {
    let facade = sources.iter().find(|source| source.path == "src/lib.rs").map(facade);
    let facade = facade.unwrap_or_default();
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| is_ours(source)) {
        for path in paths(source.tokens()) {
            let reasons = [
                wrong_room(source, &path, &facade),
                wrong_place(source, &path),
                impure(source, &path),
            ];
            let shown = path.join("::");
            let told = |reason| format!("{}: `{shown}`: {reason}", source.path);
            wrong.extend(reasons.into_iter().flatten().map(told));
        }
    }
    wrong.dedup();
    wrong
}

fn is_ours(source: &Source) -> bool {
    let rooms = ["src/", "cli/src/", "bindings/c/src/", "bindings/python/src/"];
    source.is_rust() && rooms.iter().any(|room| source.path.starts_with(room))
}

/// The room that each name of the crate's root is from.
fn facade(lib: &Source) -> BTreeMap<String, String> {
    let exported = paths(lib.tokens()).into_iter().filter(|path| is_room(&path[0]));
    exported.filter_map(|path| Some((path.last()?.clone(), path[0].clone()))).collect()
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

/// The whole path that a written one stands for, from the root of the crate.
fn absolute(source: &Source, path: &Written) -> Option<Written> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "super" => {
            let mut names = source.module();
            // An inner module of a file is one deeper; the nearest file is what counts.
            names.truncate(names.len().saturating_sub(ups));
            names.extend_from_slice(&path[ups..]);
            Some(names)
        }
        _ => None,
    }
}

fn wrong_room(
    source: &Source,
    path: &Written,
    facade: &BTreeMap<String, String>,
) -> Option<String> {
    let module = source.module();
    let own = module.first().filter(|name| source.path.starts_with("src/") && is_room(name))?;
    let names = absolute(source, path)?;
    let first = names.first()?;
    let room = if is_room(first) { first } else { facade.get(first)? };
    let (_, allowed) = ROOMS.iter().find(|(room, _)| room == own)?;
    let may = room == own || allowed.contains(&room.as_str());
    (!may).then(|| format!("`{own}` may not use `{room}`"))
}

fn wrong_place(source: &Source, path: &Written) -> Option<String> {
    KEPT.iter().find_map(|(kept, places, reason)| {
        let is_named = path.windows(kept.len()).any(|names| names == *kept);
        let is_allowed = places.iter().any(|place| source.path.starts_with(place));
        (is_named && !is_allowed).then(|| (*reason).to_owned())
    })
}

fn impure(source: &Source, path: &Written) -> Option<String> {
    let is_pure = ["src/domain/", "src/ingest/"].iter().any(|room| source.path.starts_with(room));
    let written = path.join("::") + "::";
    let touched = IMPURE.iter().find(|name| written.starts_with(&format!("{name}::")))?;
    is_pure.then(|| format!("a pure room may not touch `{touched}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "pub mod meter; pub use domain::money::Money; pub use meter::Meter;";

    fn wrong(path: &str, text: &str) -> usize {
        wrong_directions(&[Source::new("src/lib.rs", LIB), Source::new(path, text)]).len()
    }

    #[test]
    fn a_room_uses_what_it_may() {
        assert_eq!(wrong("src/domain/a.rs", "use crate::error::Error; use super::money::M;"), 0);
        assert_eq!(wrong("src/storage/mod.rs", "use crate::domain::call::Call;"), 0);
        assert_eq!(wrong("src/meter/a.rs", "use crate::storage::Store; type M = crate::Money;"), 0);
        assert_eq!(wrong("cli/src/a.rs", "use alwrity_metering::Meter; use crate::sheet::S;"), 0);
        assert_eq!(wrong("bindings/c/src/a.rs", "use alwrity_metering::ingest::X;"), 0);
    }

    #[test]
    fn a_wrong_direction_is_caught_however_it_is_written() {
        for (path, text) in [
            ("src/domain/a.rs", "use crate::storage::Store;"),
            ("src/domain/a.rs", "use crate::{error::Error, meter::Meter};"),
            ("src/domain/a.rs", "fn f() { crate::meter::g() }"),
            ("src/domain/a.rs", "macro_rules! m { () => { crate::storage::X } }"),
            ("src/domain/a.rs", "type M = crate::Meter;"),
            ("src/domain/mod.rs", "use super::storage::Store;"),
            ("src/storage/sqlite/a.rs", "use super::super::super::meter::Meter;"),
            ("src/storage/a.rs", "mod tests { use crate::meter::X; }"),
            ("src/error.rs", "use crate::domain::money::Money;"),
            ("src/ingest/a.rs", "use crate::meter::Meter;"),
        ] {
            assert_eq!(wrong(path, text), 1, "{path}: {text}");
        }
    }

    #[test]
    fn what_is_kept_in_one_place_is_caught_elsewhere() {
        for (path, text) in [
            ("src/meter/a.rs", "fn f() -> rusqlite::Result<()> { todo() }"),
            ("src/meter/a.rs", "use std::time::SystemTime;"),
            ("src/domain/a.rs", "fn f() { chrono::Utc::now() }"),
            ("cli/src/a.rs", "use alwrity_metering::storage::sqlite::SqliteStore;"),
            ("bindings/c/src/a.rs", "use alwrity_metering::storage::sqlite::SqliteStore;"),
            ("bindings/c/src/a.rs", "use alwrity_metering_cli::run;"),
            ("bindings/c/src/a.rs", "fn f() -> rusqlite::Result<()> { g() }"),
            ("bindings/python/src/a.rs", "use rusqlite::Connection;"),
            ("cli/src/a.rs", "use pyo3::prelude::PyAny;"),
            ("src/meter/a.rs", "use alwrity_metering_cli::run;"),
            ("src/domain/a.rs", "use std::fs::File;"),
            ("src/ingest/a.rs", "fn f() { tracing::warn!(\"x\") }"),
        ] {
            assert_eq!(wrong(path, text), 1, "{path}: {text}");
        }
        assert_eq!(wrong("src/meter/clock.rs", "use std::time::SystemTime;"), 0);
        assert_eq!(wrong("bindings/python/src/a.rs", "use pyo3::prelude::PyAny;"), 0);
    }
}
