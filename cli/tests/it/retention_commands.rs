//! `prune`, `export-user`, `erase-user`.

use crate::bench::{Bench, words};

fn bench() -> Bench {
    let bench = Bench::new();
    let call = "record anna --provider gemini --model gemini-2.5-flash --input-tokens 10";
    let ran = bench.run_at_noon(&words(call));
    assert_eq!(ran.code, 0, "{ran}");
    bench
}

#[test]
fn pruning_is_only_counted_until_it_is_applied() {
    let bench = bench();
    let run = |line: &str| bench.run(&words(&format!("--at 2025-12-01T00:00:00Z {line}")));
    run("prune --older-than 2025-11-01T00:00:00Z").shows(
        "
        exit 0
        --- out
        would remove 1 call from before 2025-11-01T00:00:00Z; sums and keys stay
        ",
    );
    assert_eq!(run("--json prune --older-than 2025-11-01").json()["calls"], 1);
    let none = run("--json prune --older-than 60d").json();
    assert_eq!((&none["calls"], &none["older_than"]), (&0.into(), &"2025-10-02T00:00:00Z".into()));
    let applied = run("--json prune --older-than 30d --apply").json();
    assert_eq!(applied["is_applied"], true);
    assert_eq!((&applied["calls"], &applied["unpriced_calls"]), (&1.into(), &0.into()));
    assert_eq!(run("--json usage anna --period all").json()["total_calls"], 1);
    assert_eq!(run("verify").code, 0);
    assert_eq!(run("prune --older-than 2026-01-01T00:00:00Z").code, 2, "not in the future");
}

#[test]
fn a_user_is_exported_and_erased() {
    let bench = bench();
    let export = bench.run_at_noon(&["export-user", "anna"]).json();
    assert_eq!(export["user"], "anna");
    assert_eq!(export["calls"].as_array().unwrap().len(), 1);
    let asked = bench.run_at_noon(&["erase-user", "anna"]);
    assert_eq!(asked.code, 2, "{asked}");
    let gone = bench.json(&["erase-user", "anna", "--yes"]);
    assert_eq!(gone["calls"], 1);
    let pseudonym = gone["pseudonym"].as_str().unwrap();
    assert_eq!(bench.run(&["users"]).out, format!("{pseudonym}\n"));
    assert_eq!(bench.run_at_noon(&["export-user", "anna"]).code, 1);
    assert_eq!(bench.run(&["verify"]).code, 0);
}
