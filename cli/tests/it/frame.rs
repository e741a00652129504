//! What all commands share: global options, usage, hints, exit codes, and closed pipes.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

use alwrity_metering::meter::options::OPTIONS;
use alwrity_metering_cli::{Streams, run_on};

use crate::bench::{Bench, COMMAND, NOON};

#[test]
fn global_options_may_stand_anywhere() {
    let bench = Bench::new();
    let db = bench.db();
    let db = db.to_str().unwrap();
    let orders: [&[&str]; 4] = [
        &["--db", db, "--json", "--at", NOON, "limits", "u1"],
        &["limits", "--db", db, "u1", "--json", "--at", NOON],
        &["limits", "u1", "--at", NOON, "--json", "--db", db],
        &["--json", "limits", "--at", NOON, "u1", "--db", db],
    ];
    let answers = orders.map(|args| bench.run_exactly(args.iter().map(OsString::from)));
    for answer in &answers {
        assert_eq!(answer.code, 0, "{answer}");
        assert_eq!(answer.json()["usage_period"]["starts_at"], "2025-10-01T00:00:00Z");
        assert_eq!(answer.out, answers[0].out);
    }
    let deep = ["limits", "set", "u1", "gemini_calls", "5", "--json", "--db", db];
    assert_eq!(bench.run_exactly(deep.iter().map(OsString::from)).json()["user"], "u1");
}

#[test]
fn the_store_may_be_named_by_the_environment_and_a_flag_wins() {
    let bench = Bench::new();
    let named = [("ALWRITY_METERING_DB", "metering.db")];
    assert_eq!(bench.spawn(&["users"], &named).out, "no users\n");
    let wrong = [("ALWRITY_METERING_DB", "wrong.db")];
    assert_eq!(bench.spawn(&["users"], &wrong).code, 1);
    for args in [["--db", "metering.db", "users"], ["users", "--db", "metering.db"]] {
        assert_eq!(bench.spawn(&args, &wrong).code, 0);
    }
}

#[test]
fn an_option_of_the_library_may_be_set_by_the_environment_and_a_flag_wins() {
    let bench = Bench::new();
    let set = [("ALWRITY_METERING_DEFAULT_PLAN", "pro")];
    let plan = |args: &[&str]| {
        let all: Vec<&str> = ["--db", "metering.db", "--json", "limits", "u1"]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        bench.spawn(&all, &set).json()["plan_id"].clone()
    };
    assert_eq!(plan(&[]), "pro");
    assert_eq!(plan(&["--default-plan", "basic"]), "basic");
    let ran = bench.spawn(&["errors"], &[("ALWRITY_METERING_HOLD_TTL_MS", "soon")]);
    ran.shows(
        "
        exit 2
        --- err
        error: invalid option `hold_ttl_ms` = `soon`: expected 1 to 604800000
        hint: see the table of options in docs/operations.md
        ",
    );
}

#[test]
fn every_option_of_the_library_has_a_flag_that_checks_its_value() {
    let bench = Bench::empty();
    for row in OPTIONS {
        let good = bench.run(&["errors", &format!("{}={}", row.flag(), row.default)]);
        assert_eq!(good.code, 0, "{good}");
        if row.name != "default_plan" {
            let bad = bench.run(&["errors", &format!("{}=-7,x", row.flag())]);
            assert_eq!(bad.code, 2, "{bad}");
            assert!(bad.err.contains(row.name) && bad.err.contains("hint: "), "{bad}");
        }
    }
}

#[test]
fn a_command_without_a_store_says_how_to_name_or_make_one() {
    let bench = Bench::empty();
    bench.run_exactly(["users".into()]).shows(
        "
        exit 2
        --- err
        error: no store is named
        hint: give `--db FILE`, or set `ALWRITY_METERING_DB` in the environment
        ",
    );
    bench.run(&["users"]).shows(
        "
        exit 1
        --- err
        error: there is no store at `~/metering.db`
        hint: make one with `alwrity-metering --db ~/metering.db init`
        ",
    );
    assert!(!bench.db().exists(), "a mistyped name must not make a store");
}

#[test]
fn usage_errors_end_with_2() {
    let bench = Bench::new();
    for args in [
        &["frobnicate"][..],
        &[],
        &["usage"],
        &["usage", "u1", "--period", "yesterday"],
        &["usage", ""],
        &["record", "u1", "--provider", "openai", "--input-tokens", "1.5"],
        &["record", "u1", "--provider", "openai", "--unit", "images"],
        &["record", "u1", "--provider", "openai", "--vendor-cost-usd", "1e-6"],
        &["record", "u1", "--provider", "openai", "--usage-source", "expired_hold"],
        &["record", "u1", "--provider", "openai", "--tag", "x"],
        &["record", "u1", "--provider", "openai", "--status-code", "99"],
        &["users", "--at", "yesterday"],
        &["subscribe", "u1", "--plan", "pro", "--cycle", "weekly"],
        &["limits", "set", "u1", "gemini_calls", "many"],
        &["prices", "set", "--provider", "p"],
        &["query", "delete from calls"],
        &["release", "u1", "xyz"],
        &["replay", "t.csv", "--provider", "p", "--model", "m", "--list-refusals"],
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}: {ran}");
    }
}

#[test]
fn help_and_version_are_answers() {
    let bench = Bench::empty();
    for args in [&["--help"][..], &["-h"], &["record", "--help"], &["prices", "set", "-h"]] {
        let ran = bench.run(args);
        assert_eq!(ran.code, 0, "{ran}");
        assert!(ran.out.contains("Usage: alwrity-metering"), "{ran}");
        assert!(ran.err.is_empty(), "{ran}");
    }
    assert_eq!(bench.run(&["--version"]).out, "alwrity-metering 0.1.0\n");
    let long = bench.run(&["usage", "--help"]).out;
    assert!(OPTIONS.iter().all(|row| long.contains(&row.flag())), "{long}");
}

#[test]
fn the_tables_of_errors_and_options_are_the_library_s() {
    let bench = Bench::empty();
    let errors = bench.json(&["errors"]);
    assert_eq!(errors.as_array().unwrap().len(), alwrity_metering::error::ERRORS.len());
    assert_eq!(errors[0]["code"], "invalid_amount");
    assert_eq!(errors[0]["number"], 101);
    let options = bench.json(&["options"]);
    assert_eq!(options.as_array().unwrap().len(), OPTIONS.len());
    assert_eq!(options[0]["flag"], "--default-plan");
    assert!(bench.run(&["errors"]).out.contains("101  invalid_amount"));
    assert!(bench.run(&["options"]).out.contains("ALWRITY_METERING_HOLD_TTL_MS"));
}

#[test]
fn completions_are_made_for_every_shell() {
    let bench = Bench::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = bench.run(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("re-rate"), "{shell}");
    }
}

/// A pipe whose reader has gone away.
struct ClosedPipe;

impl Write for ClosedPipe {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_closed_pipe_is_silent_and_changes_no_exit_code() {
    let bench = Bench::new();
    let check = "check u1 --provider tavily --operation search --count 100000";
    for (command, code) in [("plans", 0), ("--help", 0), (check, 3)] {
        let db = bench.db();
        let args = ["--db", db.to_str().unwrap()].into_iter().chain(command.split(' '));
        let mut err = Vec::new();
        let streams = &mut Streams {
            out: &mut ClosedPipe,
            err: &mut err,
            is_out_terminal: false,
            is_err_terminal: false,
        };
        assert_eq!(run_on(args.map(OsString::from), &[], streams), code, "{command}");
        assert_eq!(String::from_utf8(err).unwrap(), "", "{command}");
    }
}

#[test]
fn the_built_command_survives_a_reader_that_goes_away() {
    let mut child = Command::new(COMMAND)
        .arg("errors")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}

#[test]
fn on_a_terminal_a_table_is_coloured() {
    let mut out = Vec::new();
    let streams = &mut Streams {
        out: &mut out,
        err: &mut Vec::new(),
        is_out_terminal: true,
        is_err_terminal: false,
    };
    assert_eq!(run_on(["options".into()], &[], streams), 0);
    let is_coloured = String::from_utf8(out).unwrap().contains("\u{1b}[");
    assert_eq!(is_coloured, std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
}
