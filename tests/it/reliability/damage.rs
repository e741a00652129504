//! Damage: garbage, truncation and flipped bits are found and named.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use alwrity_metering::{Check, Meter, Options};

use super::stage::{call, open, record, seeded};

const PAGE: u64 = 4096;

/// A closed file with some calls.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("metering.db");
    let meter = seeded(&path);
    record(&meter, "u", "k", 200).unwrap();
    drop(meter);
    path
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

/// What is wrong, by name; an error of `verify` itself names the file.
fn wrong(path: &Path) -> Vec<String> {
    let checks = match Meter::open(path, Options::default()).and_then(|meter| meter.verify()) {
        Ok(checks) => checks,
        Err(error) => {
            assert_eq!(error.code(), "storage_corrupt");
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
            return vec!["unreadable".into()];
        }
    };
    let is_wrong = |check: &Check| !check.is_ok;
    checks.into_iter().filter(is_wrong).map(|check| check.name.to_owned()).collect()
}

#[test]
fn a_garbage_header_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    overwrite(&path, 0, b"this was a database once");
    let error = Meter::open(&path, Options::default()).unwrap_err();
    assert_eq!(error.code(), "storage_corrupt");
    assert!(error.to_string().contains("metering.db"), "{error}");
}

#[test]
fn a_garbage_page_is_found_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() as u64 / PAGE;
    assert!(pages > 20);
    for page in (1..pages).step_by(7) {
        std::fs::write(&path, &whole).unwrap();
        overwrite(&path, page * PAGE, &[0x5a; 4096]);
        assert!(!wrong(&path).is_empty(), "page {page}");
    }
}

#[test]
fn a_truncated_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let length = std::fs::metadata(&path).unwrap().len();
    for kept in [length - PAGE, length / 2, PAGE, 100] {
        let whole = std::fs::read(&path).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(kept).unwrap();
        assert!(!wrong(&path).is_empty(), "{kept} bytes");
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(wrong(&path).is_empty());
}

/// A flipped bit in a row passes SQLite's own check; the ledger against its sums finds it.
#[test]
fn one_flipped_bit_in_a_row_is_found_and_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE counters SET cost_pico_usd = cost_pico_usd | 1").unwrap();
    drop(connection);
    assert_eq!(wrong(&path), ["counters"]);
    let meter = open(&path);
    let pages = meter.verify().unwrap().into_iter().find(|check| check.name == "pages").unwrap();
    assert!(pages.is_ok, "SQLite sees nothing");
    assert!(meter.rebuild().unwrap() > 0);
    assert!(meter.verify().unwrap().iter().all(|check| check.is_ok));
}

#[test]
fn a_flipped_bit_of_a_call_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    // The key of a call, in the page of the ledger or of its keys: it is named by what it breaks.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("UPDATE calls SET input_tokens = input_tokens | 4096 WHERE id = 7")
        .unwrap();
    drop(connection);
    assert_eq!(wrong(&path), ["calls", "counters", "days", "models by period", "costs"]);
    // And one in the pages themselves, anywhere in the head of a page.
    bytes[usize::try_from(PAGE).unwrap() * 3 + 3] ^= 0x10;
    std::fs::write(&path, &bytes).unwrap();
    assert!(!wrong(&path).is_empty());
}

/// Changes rows past the library, and what is found then.
fn found_after(sql: &str) -> Vec<Check> {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    open(&path).verify().unwrap()
}

fn names_of_wrong(checks: &[Check]) -> Vec<&str> {
    checks.iter().filter(|check| !check.is_ok).map(|check| check.name).collect()
}

#[test]
fn a_flipped_bit_that_no_sum_is_made_of_is_found() {
    for (sql, names) in [
        ("UPDATE plan_limits SET maximum = maximum + 1 WHERE maximum > 0", vec!["catalogue"]),
        ("UPDATE plans SET price_monthly_pico_usd = 1 WHERE plan_id = 'pro'", vec!["catalogue"]),
        ("UPDATE calls SET recorded_at_us = recorded_at_us + 1 WHERE id = 9", vec!["calls"]),
        ("UPDATE calls SET is_late = 1 WHERE id = 9", vec!["calls"]),
        ("UPDATE calls SET endpoint = 'x' WHERE id = 9", vec!["calls"]),
        ("UPDATE calls SET price_match = 2 WHERE id = 9", vec!["calls", "costs"]),
        ("UPDATE calls SET cost_input_pico_usd = 1 WHERE id = 9", vec!["calls", "costs"]),
        ("UPDATE models SET model = 'x' WHERE id IN (SELECT model_id FROM calls)", vec!["calls"]),
        (
            "UPDATE call_keys SET key = x'00112233445566778899aabbccddeeff' WHERE call_id = 9",
            vec!["keys"],
        ),
        ("UPDATE users SET user = 'v'", vec!["users"]),
        ("UPDATE store SET catalogue_version = catalogue_version + 1", vec!["catalogue"]),
        ("DROP INDEX calls_unpriced", vec!["definitions"]),
    ] {
        assert_eq!(names_of_wrong(&found_after(sql)), names, "{sql}");
    }
}

#[test]
fn a_changed_rate_is_named_with_what_each_call_costs_by_it() {
    let checks = found_after("UPDATE price_rates SET amount_pico_usd = amount_pico_usd + 1024");
    assert_eq!(names_of_wrong(&checks), ["catalogue", "costs"]);
    let found = &checks.iter().find(|check| check.name == "costs").unwrap().found;
    assert!(found.starts_with("call 1: `cost_pico_usd` says 0."), "{found}");
    assert!(found.contains(", its usage and price say 0."), "{found}");
}

/// A file of an older version has no seals: that is told, and no failure.
#[test]
fn rows_without_seals_are_counted() {
    let checks = found_after(
        "UPDATE calls SET seal = NULL WHERE id < 4; UPDATE call_keys SET seal = NULL; \
         UPDATE users SET seal = NULL; UPDATE store SET catalogue_seal = NULL",
    );
    assert_eq!(names_of_wrong(&checks), [""; 0]);
    let found = |name| &checks.iter().find(|check| check.name == name).unwrap().found;
    assert_eq!(found("calls"), "200 calls; 3 are not sealed");
    assert!(found("keys").ends_with("; 200 are not sealed"), "{}", found("keys"));
    assert!(found("catalogue").contains("not sealed"), "{}", found("catalogue"));
}

/// A log that was torn in its last transaction loses that one alone.
#[test]
fn a_torn_log_keeps_what_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let worker = super::kills::killed_writer(&path, 20);
    worker.kill();
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let length = std::fs::metadata(&log).unwrap().len();
    std::fs::File::options().write(true).open(&log).unwrap().set_len(length - 5).unwrap();
    let meter = open(&path);
    meter.record_call(&call("u", "more")).unwrap();
    drop(meter);
    super::stage::assert_verified(&path);
    let left = super::stage::recorded(&path);
    assert!((20..=21).contains(&left), "{left}: the torn one is gone, the new one there");
}
