//! `import-alwrity`: their numbers beside ours, whatever happened to either.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use alwrity_metering::Money;
use serde_json::{Value, json};

use crate::alwrity::{Alwrity, LOG, Log, Version, imported};
use crate::bench::{Bench, COMMAND};

/// User, period, provider, calls of the summary, of the logs and ours, our cost, reasons.
fn lines(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let line = |line: &Value| {
        let reasons: Vec<String> = line["reasons"].as_array().unwrap().iter().map(text).collect();
        let cells = [
            &line["user"],
            &line["billing_period"],
            &line["provider"],
            &line["summary"]["calls"],
            &line["logs"]["calls"],
            &line["ours"]["calls"],
            &line["ours"]["cost_usd"],
        ];
        let mut cells: Vec<String> = cells.into_iter().map(text).collect();
        cells.push(reasons.join("+"));
        cells.join(" ")
    };
    report["lines"].as_array().unwrap().iter().map(line).collect()
}

/// The sum of costs, each rounded to the pico-dollar by the formatter of floats.
fn sum(costs: &[f64]) -> String {
    let money = |cost: &f64| format!("{cost:.12}").parse::<Money>().unwrap();
    Money::sum(costs.iter().map(money)).unwrap().to_string()
}

#[test]
fn every_difference_has_a_reason() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    let log = |provider, cost, count: usize| {
        for _ in 0..count {
            file.log(&Log { provider, cost: Some(cost), actual: None, ..LOG });
        }
    };
    log("gemini", 0.1, 3); // their sum of floats is off by a pico-dollar
    log("openai", 0.25, 2); // told exactly
    log("anthropic", 0.5, 4); // three updates were lost
    log("mistral", 0.001, 1); // six rows are gone
    log("exa", 0.003, 2); // as many calls, dearer
    log("audio", 0.02, 1); // of August, by its label
    file.sql("UPDATE api_usage_logs SET billing_period = '2025-08' WHERE provider = 'audio'");
    file.summary(
        "ada",
        "2025-09",
        &[
            ("gemini", 3, 3600, 0.299_999_999_999),
            ("openai", 2, 2400, 0.5),
            ("anthropic", 1, 1200, 0.5),
            ("mistral", 7, 8400, 0.007),
            ("exa", 2, 0, 0.014),
        ],
        0,
    );
    bench.run_at_noon(&["record", "ada", "--provider", "tavily", "--operation", "search"]);
    let report = imported(&bench, &[file.path()]);
    let expected = [
        "ada 2025-08 audio null 1 0 0 no_summary+other_period".to_owned(),
        format!("ada 2025-09 anthropic 1 4 4 {} summary_lost_updates", sum(&[0.5; 4])),
        "ada 2025-09 audio 0 0 1 0.02 other_period".to_owned(),
        format!("ada 2025-09 exa 2 2 2 {} logs_differ", sum(&[0.003; 2])),
        format!("ada 2025-09 gemini 3 3 3 {} float_rounding", sum(&[0.1; 3])),
        format!("ada 2025-09 mistral 7 1 7 {} logs_missing", sum(&[0.001, 0.006])),
        "ada 2025-09 openai 2 2 2 0.5 equal".to_owned(),
        "ada 2025-10 tavily null 0 1 0.001 recorded_here".to_owned(),
    ];
    assert_eq!(lines(&report), expected);
    let gemini = &report["lines"][4];
    assert_eq!(
        gemini["difference"],
        json!({"calls": 0, "tokens": 0, "cost_usd": "0.000000000001"})
    );
    let lost = &report["lines"][1];
    assert_eq!(lost["difference"], json!({"calls": 3, "tokens": 3600, "cost_usd": "1.5"}));
    let kept = bench.json(&["calls", "ada", "--provider", "mistral"])["calls"][0].clone();
    assert_eq!((&kept["call_count"], &kept["endpoint"]), (&json!(6), &json!("[SUMMARY]")));
    assert_eq!(kept["usage"], json!({"input_tokens": 7200}));
    assert_eq!(kept["usage_source"], "estimated");
    assert_eq!(kept["occurred_at"], "2025-09-02T00:00:00Z");
    assert_eq!(report["reasons"]["other_period"], 2);
    let period = &report["periods"][1];
    assert_eq!(
        (&period["billing_period"], &period["provider"]),
        (&json!("2025-09"), &json!("all"))
    );
    assert_eq!(period["summary"]["calls"], 15);
    assert_eq!(period["ours"]["calls"], 19);
    let reasons =
        ["float_rounding", "summary_lost_updates", "logs_missing", "logs_differ", "other_period"];
    assert_eq!(period["reasons"], json!(reasons));
}

#[test]
fn a_total_that_was_written_without_its_providers_is_told() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    file.log(&LOG);
    file.summary("ada", "2025-09", &[("gemini", 1, 1200, 0.1)], 0);
    file.sql("UPDATE usage_summaries SET total_cost = 0.35");
    let report = imported(&bench, &[file.path()]);
    assert_eq!(lines(&report), ["ada 2025-09 gemini 1 1 1 0.1 equal"]);
    let period = &report["periods"][0];
    assert_eq!(period["difference"]["cost_usd"], "-0.25");
    assert_eq!(period["reasons"], json!(["logs_differ"]));
}

#[test]
fn the_table_shows_what_differs() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    file.log(&LOG);
    file.log(&Log { user: "bob", ..LOG });
    file.summary("ada", "2025-09", &[("gemini", 1, 1200, 0.1)], 0);
    let ran = bench.run_at_noon(&["import-alwrity", file.path()]);
    ran.shows(
        "
        exit 0
        --- out
        files          1
        users          2
        terms          0 added, 0 known
        alerts         0 added, 0 known
        logs           2 recorded, 0 known
        summaries      0 kept, 0 known
        costs_rounded  0
        conflicts      0

        user  period   provider  summary  logs  ours  summary_cost  logs_cost  our_cost  reasons
        bob   2025-09  all             -     1     1             -        0.1       0.1  no_summary
        bob   2025-09  gemini          -     1     1             -        0.1       0.1  no_summary
        1 of 2 lines are equal
        ",
    );
}

#[test]
fn a_row_that_cannot_be_recorded_is_told_and_the_others_are_recorded() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    let negative = file.log(&Log { cost: Some(-0.5), ..LOG });
    let late = file.log(&Log { at: "yesterday", ..LOG });
    file.log(&LOG);
    let ran = bench.run_at_noon(&["--json", "import-alwrity", file.path()]);
    assert_eq!(ran.code, 1, "{ran}");
    let report = ran.json();
    assert_eq!(report["logs_recorded"], 1);
    let problems = report["problems"].as_array().unwrap();
    let rows: Vec<&Value> = problems.iter().map(|problem| &problem["row"]).collect();
    assert_eq!(rows, [&json!(late.to_string()), &json!(negative.to_string())]);
    assert!(problems[0]["reason"].as_str().unwrap().contains("`timestamp` is `yesterday`"));
    assert_eq!(lines(&report), ["ada 2025-09 gemini null 2 1 0.1 no_summary+rows_skipped"]);
    assert!(ran.err.starts_with("error: rows were not taken over: 2\nhint: "), "{ran}");
}

#[test]
fn a_file_that_went_on_adds_its_new_rows_and_tells_what_it_changed() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    file.log(&LOG);
    file.summary("ada", "2025-09", &[("gemini", 3, 3600, 0.3)], 0);
    assert_eq!(imported(&bench, &[file.path()])["summaries_kept"], 1);
    file.log(&Log { at: "2025-09-05 00:00:00", ..LOG });
    file.sql("UPDATE api_usage_logs SET cost_total = 0.2 WHERE id = 1");
    let ran = bench.run_at_noon(&["--json", "import-alwrity", file.path()]);
    assert_eq!(ran.code, 1, "{ran}");
    let report = ran.json();
    assert_eq!((&report["logs_recorded"], &report["conflicts"]), (&json!(1), &json!(2)));
    let reason = report["problems"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("`vendor_cost_usd` was `0.1`, now it is `0.2`"), "{reason}");
}

/// ALwrity puts old rows of its log together into one that stands for them all.
fn put_together(file: &Alwrity) -> i64 {
    file.sql("DELETE FROM api_usage_logs WHERE id IN (1, 2)");
    file.log(&Log {
        endpoint: "[AGGREGATED]",
        model: "[2 calls aggregated]",
        tokens: (2000, 400),
        cost: Some(0.2),
        ..LOG
    })
}

#[test]
fn rows_put_together_since_the_last_import_do_not_count_twice() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    for _ in 0..3 {
        file.log(&LOG);
    }
    file.summary("ada", "2025-09", &[("gemini", 3, 3600, 0.3)], 0);
    imported(&bench, &[file.path()]);
    let row = put_together(&file);
    file.log(&Log { user: "bob", ..LOG });
    for mode in [&["--dry-run", file.path()][..], &[file.path()][..]] {
        let ran = bench.run_at_noon(&[&["--json", "import-alwrity"][..], mode].concat());
        assert_eq!(ran.code, 1, "{ran}");
        let report = ran.json();
        assert_eq!((&report["logs_recorded"], &report["conflicts"]), (&json!(1), &json!(1)));
        let problem = &report["problems"][0];
        assert_eq!(problem["row"], row.to_string());
        let reason = problem["reason"].as_str().unwrap();
        assert!(reason.starts_with("2 calls that an earlier import recorded are gone"), "{reason}");
        let line = "ada 2025-09 gemini 3 3 3 0.3 rows_skipped+recorded_here";
        assert_eq!(lines(&report)[0], line);
    }
    assert_eq!(bench.json(&["calls", "ada"])["total_count"], 3);
    // A store without those calls takes the same file.
    let other = Bench::new();
    let report = imported(&other, &[file.path()]);
    assert_eq!(lines(&report)[0], "ada 2025-09 gemini 3 3 3 0.3 equal");
    // And knows the row when it comes again.
    assert_eq!(imported(&other, &[file.path()])["logs_known"], 3);
}

#[test]
fn a_corrected_price_is_no_row_that_is_gone() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    file.log(&Log { provider: "openai", model: "unheard-of", cost: None, ..LOG });
    imported(&bench, &[file.path()]);
    let price = ["prices", "set", "--provider", "openai", "--model", "unheard-of", "--input", "1"];
    let set = bench.run_at_noon(&[&price[..], &["--output", "2"]].concat());
    assert_eq!(set.code, 0, "{set}");
    let rated = bench.run_at_noon(&["--json", "re-rate", "--apply"]);
    assert!(rated.json().to_string().contains("unheard-of"), "{rated}");
    file.log(&Log { endpoint: "[AGGREGATED]", model: "[2 calls aggregated]", ..LOG });
    let report = imported(&bench, &[file.path()]);
    assert_eq!((&report["logs_recorded"], &report["conflicts"]), (&json!(1), &json!(0)));
}

#[test]
fn a_summary_of_rows_that_are_gone_since_the_last_import_does_not_count_them_twice() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    for _ in 0..3 {
        file.log(&LOG);
    }
    file.summary("ada", "2025-09", &[("gemini", 3, 3600, 0.3)], 0);
    imported(&bench, &[file.path()]);
    file.sql("DELETE FROM api_usage_logs WHERE id < 3");
    let ran = bench.run_at_noon(&["--json", "import-alwrity", file.path()]);
    assert_eq!(ran.code, 1, "{ran}");
    let report = ran.json();
    assert_eq!((&report["summaries_kept"], &report["conflicts"]), (&json!(0), &json!(1)));
    assert_eq!(report["problems"][0]["row"], "ada 2025-09 gemini");
    let line = "ada 2025-09 gemini 3 1 3 0.3 logs_missing+rows_skipped+recorded_here";
    assert_eq!(lines(&report), [line]);
    assert_eq!(bench.json(&["calls", "ada"])["total_count"], 3);
}

#[test]
fn a_user_in_two_files_counts_once() {
    let bench = Bench::new();
    let first = Alwrity::new(&bench.path("a.db"), Version::Today);
    first.log(&LOG);
    first.summary("ada", "2025-09", &[("gemini", 2, 2400, 0.2)], 0);
    let backup = bench.path("b.db");
    std::fs::copy(&first.path, &backup).unwrap();
    first.log(&Log { at: "2025-09-04 00:00:00", ..LOG });
    let report = imported(&bench, &[first.path(), backup.to_str().unwrap(), first.path()]);
    assert_eq!((&report["files"], &report["logs_recorded"]), (&json!(2), &json!(2)));
    assert_eq!(lines(&report), ["ada 2025-09 gemini 2 2 2 0.2 equal"]);
}

#[test]
fn an_import_that_was_killed_goes_on() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    let rows = 6000_i64;
    file.sql("BEGIN");
    for row in 0..rows {
        let user = ["ada", "bob", "eve"][usize::try_from(row % 3).unwrap()];
        file.log(&Log { user, cost: Some(0.001), ..LOG });
    }
    file.sql("COMMIT");
    let db = bench.db();
    let mut child = Command::new(COMMAND)
        .args(["--db", db.to_str().unwrap(), "--synchronous", "normal", "import-alwrity"])
        .arg(file.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Killed once it has recorded something; where it was faster, it has recorded all.
    let recorded = || {
        let counted = bench.json(&["query", "select count(*) as n from calls"]);
        counted[0]["n"].as_i64().unwrap()
    };
    while recorded() == 0 && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let before = recorded();
    let report = imported(&bench, &[file.path(), "--synchronous", "normal"]);
    assert_eq!(report["logs_known"].as_i64().unwrap(), before);
    assert_eq!(report["logs_recorded"].as_i64().unwrap(), rows - before);
    for line in report["lines"].as_array().unwrap() {
        assert_eq!(line["ours"], json!({"calls": 2000, "tokens": 2_400_000, "cost_usd": "2"}));
    }
    assert_eq!(bench.run(&["verify"]).code, 0);
}

#[test]
fn every_sum_is_that_of_the_rows() {
    const USERS: [&str; 3] = ["ada", "bob", "eve"];
    const NAMES: [&str; 5] = ["gemini", "openai", "video", "tavily", "stability"];
    const MONTHS: [&str; 2] = ["2025-08", "2025-09"];
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    let mut state = 1_u64;
    let mut chance = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    let mut expected: BTreeMap<(&str, &str, &str), (i64, i64, Money)> = BTreeMap::new();
    file.sql("BEGIN");
    for _ in 0..600 {
        let mut of = |all: &[&'static str]| {
            all[usize::try_from(chance(u64::try_from(all.len()).unwrap())).unwrap()]
        };
        let (user, provider, period) = (of(&USERS), of(&NAMES), of(&MONTHS));
        let day = if period == "2025-08" { "2025-08-09 01:02:03" } else { "2025-09-30 23:59:59" };
        let tokens = [chance(100_000), chance(9_000)].map(|count| i64::try_from(count).unwrap());
        // As many digits as a float has.
        let cost = f64::from(u32::try_from(chance(1 << 30)).unwrap()) / 7e11;
        file.log(&Log {
            user,
            provider,
            tokens: (tokens[0], tokens[1]),
            cost: Some(cost),
            at: day,
            period,
            actual: None,
            ..LOG
        });
        let sum = expected.entry((user, period, provider)).or_default();
        let exact = format!("{cost:.12}").parse::<Money>().unwrap();
        *sum = (sum.0 + 1, sum.1 + tokens[0] + tokens[1], sum.2.plus(exact).unwrap());
    }
    file.sql("COMMIT");
    let report = imported(&bench, &[file.path(), "--synchronous", "normal"]);
    let found = report["lines"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (line, ((user, period, provider), (calls, tokens, cost))) in found.iter().zip(expected) {
        assert_eq!(line["user"], user);
        assert_eq!(
            (&line["billing_period"], &line["provider"]),
            (&json!(period), &json!(provider))
        );
        let shown = json!({"calls": calls, "tokens": tokens, "cost_usd": cost.to_string()});
        assert_eq!((&line["logs"], &line["ours"]), (&shown, &shown));
        assert_eq!(line["reasons"], json!(["no_summary"]));
    }
    assert_eq!(bench.run(&["verify"]).code, 0);
}
