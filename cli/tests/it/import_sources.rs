//! `import-alwrity`: which files are read, and that none of them is written.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::alwrity::{Alwrity, LOG, Log, Version, calls, full, import, imported};
use crate::bench::Bench;

#[test]
fn a_dry_run_changes_nothing() {
    let absent = Bench::empty();
    let file = full(&absent.path("theirs.db"));
    let promised = imported(&absent, &["--dry-run", file.path()]);
    assert!(!absent.db().exists(), "no store is made");
    assert_eq!((&promised["is_dry_run"], &promised["logs_recorded"]), (&json!(true), &json!(5)));

    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    let all = |bench: &Bench| -> BTreeMap<String, Vec<u8>> {
        let folder = fs::read_dir(bench.path(".")).unwrap().map(|entry| entry.unwrap());
        folder
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
            })
            .collect()
    };
    let before = all(&bench);
    let dry = imported(&bench, &["--dry-run", file.path()]);
    assert_eq!(all(&bench), before, "byte by byte");
    let real = imported(&bench, &[file.path()]);
    assert_eq!(dry["lines"], real["lines"]);
    assert_eq!(promised["lines"], real["lines"]);
    let after = imported(&bench, &["--dry-run", file.path()]);
    assert_eq!((&after["logs_recorded"], &after["logs_known"]), (&json!(0), &json!(5)));
}

#[test]
fn a_source_is_never_written() {
    let bench = Bench::new();
    let folder = bench.path("theirs");
    fs::create_dir(&folder).unwrap();
    let closed = full(&folder.join("closed.db"));
    closed.sql("PRAGMA journal_mode = WAL; INSERT INTO usage_alerts (user_id) VALUES (NULL);");
    closed.sql("DELETE FROM usage_alerts WHERE user_id IS NULL");
    drop(closed.connection);
    let open = Alwrity::new(&folder.join("open.db"), Version::Today);
    open.sql("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;");
    open.log(&Log { user: "eve", ..LOG });
    let listed = || -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = listed();
    assert!(before.iter().any(|(name, _)| name == "open.db-wal"));
    let report = imported(&bench, &[folder.to_str().unwrap()]);
    assert_eq!(report["logs_recorded"], 6, "that of the log beside it included");
    assert_eq!(listed(), before);
    assert_eq!(calls(&bench, "eve").len(), 1);
}

#[test]
fn an_older_file_with_fewer_columns_is_read() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("old.db"), Version::Before);
    file.plan(1, "basic", 29.0, &[("gemini_calls", 1)], 50.0);
    file.subscription("ada", 1, "2025-09-10 00:00:00", "2025-10-10 00:00:00", "limit_reached");
    file.log(&Log { at: "2025-09-11 00:00:00", ..LOG });
    file.log(&Log { at: "2025-09-12 00:00:00", cost: None, model: "no-such-model", ..LOG });
    file.summary("ada", "2025-09", &[("gemini", 2, 2400, 0.1)], 3);
    let report = imported(&bench, &[file.path()]);
    assert_eq!((&report["logs_recorded"], &report["summaries_kept"]), (&json!(2), &json!(1)));
    let reasons: Vec<(&str, &Value)> = report["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["provider"].as_str().unwrap(), &line["reasons"]))
        .collect();
    let expected = [("gemini", &json!(["unpriced"])), ("unknown", &json!(["logs_missing"]))];
    assert_eq!(reasons, expected);
    let limits = bench.json(&["limits", "ada"]);
    assert_eq!(limits["plan_id"], "alwrity-basic");
    let names: Vec<&str> =
        limits["limits"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"exa_calls"), "which it does not know: {names:?}");
    let term = &bench.json(&["history", "ada"])["entries"][0]["payment"];
    assert_eq!((&term["status"], &term["amount_usd"]), (&json!("waived"), &json!("29")));
}

#[test]
fn files_that_are_not_alwritys_are_named() {
    let bench = Bench::new();
    let text = bench.write("notes.db", "no database at all, but long enough to look like one");
    let ran = import(&bench, &[&text]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error: `~/notes.db` is no SQLite database\nhint: "), "{ran}");
    let empty = rusqlite::Connection::open(bench.path("empty.db")).unwrap();
    empty.execute_batch("CREATE TABLE t (x)").unwrap();
    let ran = import(&bench, &[bench.path("empty.db").to_str().unwrap()]);
    assert!(ran.err.starts_with("error: `~/empty.db` has none of ALwrity's tables"), "{ran}");
    let ran = import(&bench, &["nowhere"]);
    assert!(ran.code == 1 && ran.err.starts_with("error: could not open `nowhere`"), "{ran}");
    // In a folder they are told of, and the store in it is not read.
    let folder = bench.path(".");
    let folder = folder.to_str().unwrap();
    let ran = import(&bench, &[folder]);
    assert!(ran.code == 1 && ran.err.contains("no file of ALwrity's was found; 3 were"), "{ran}");
    full(&bench.path("theirs.db"));
    let skipped = imported(&bench, &[folder])["skipped_files"].clone();
    let reasons: Vec<&str> =
        skipped.as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), 3);
    assert!(reasons.contains(&"it is the store itself"), "{reasons:?}");
}

#[test]
fn of_a_backup_the_later_word_counts() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    fs::copy(&file.path, bench.path("a-backup.db")).unwrap();
    file.sql(
        "UPDATE user_subscriptions SET auto_renew = 0, updated_at = '2025-09-20 00:00:00';
         UPDATE usage_alerts SET is_read = 1, read_at = '2025-09-21 00:00:00' WHERE is_read = 0;",
    );
    let folder = bench.path(".");
    let report = imported(&bench, &[folder.to_str().unwrap()]);
    let counts = ["files", "terms_added", "alerts_added", "logs_recorded", "conflicts"];
    assert_eq!(counts.map(|name| report[name].clone()), [2, 3, 3, 5, 0].map(|count| json!(count)));
    assert_eq!(bench.json(&["history", "ada"])["subscription"]["auto_renew"], false);
    assert_eq!(bench.json(&["alerts", "ada"])["unread_count"], 0);
}
