//! `init`, `verify`, `rebuild`, `query`.

use crate::bench::Bench;

#[test]
fn init_seeds_once_and_says_what_it_added() {
    let bench = Bench::empty();
    let seeded = bench.json(&["init"]);
    assert_eq!(seeded["plans"], 4);
    assert!(seeded["prices"].as_u64().unwrap() > 500, "{seeded}");
    bench.run(&["init"]).shows(
        "
        exit 0
        --- out
        nothing to add: `~/metering.db` has everything
        ",
    );
    bench.run(&["init", "--plans", "gold"]).shows(
        "
        exit 2
        --- err
        error: invalid value 'gold' for '--plans <SET>'
          [possible values: default, alwrity-2026]

        For more information, try '--help'.
        ",
    );
}

#[test]
fn init_takes_another_set_of_plans() {
    let maximum = |set: &str| {
        let bench = Bench::empty();
        assert_eq!(bench.run(&["init", "--plans", set]).code, 0);
        bench.json(&["plans"])[0]["limits"].to_string()
    };
    assert_ne!(maximum("default"), maximum("alwrity-2026"));
}

#[test]
fn verify_lists_its_checks() {
    let bench = Bench::new();
    bench.run_at_noon(&["record", "u1", "--provider", "tavily", "--key", "k"]);
    let ran = bench.run(&["verify"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    assert!(ran.out.starts_with("check "), "{ran}");
    let checks = bench.json(&["verify"]);
    assert_eq!(checks["is_ok"], true);
    assert!(checks["first_difference"].is_null());
    assert!(checks["checks"].as_array().unwrap().len() > 5, "{checks}");
}

#[test]
fn verify_names_the_first_difference_and_rebuild_mends_it() {
    let bench = Bench::new();
    let record = ["record", "u1", "--provider", "openai", "--model", "gpt-4o-mini"];
    let tokens = ["--input-tokens", "374", "--output-tokens", "44", "--key", "k"];
    assert_eq!(bench.run_at_noon(&[&record[..], &tokens].concat()).code, 0);
    let file = rusqlite::Connection::open(bench.db()).unwrap();
    assert_eq!(file.execute("UPDATE counters SET calls = calls + 1", []).unwrap(), 1);
    drop(file);

    let ran = bench.run(&["verify"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err.starts_with("error: the first difference is in `counters`: "), "{ran}");
    assert!(ran.err.contains("\nhint: `rebuild` restores"), "{ran}");
    let found = bench.run(&["verify", "--json"]);
    assert_eq!(found.code, 1);
    assert_eq!(found.json()["first_difference"]["name"], "counters");
    assert_eq!(found.json()["is_ok"], false);

    let rebuilt = bench.json(&["rebuild"]);
    assert!(rebuilt["rows"].as_i64().unwrap() > 0, "{rebuilt}");
    assert_eq!(bench.run(&["verify"]).code, 0);
}

#[test]
fn query_shows_a_table_or_rows() {
    let bench = Bench::new();
    let sql = "select plan_id, price_monthly_pico_usd p, null n, plan_id from plans order by 2";
    bench.run(&["query", sql]).shows(
        "
        exit 0
        --- out
        plan_id     p                n     plan_id
        free        0                null  free
        basic       29000000000000   null  basic
        pro         79000000000000   null  pro
        enterprise  199000000000000  null  enterprise
        ",
    );
    let rows = bench.json(&["query", sql]);
    assert_eq!(rows[1]["plan_id"], "basic");
    assert_eq!(rows[1]["p"], 29_000_000_000_000_i64);
    assert_eq!(rows[1]["plan_id_2"], "basic");
    assert!(rows[1]["n"].is_null());
}

#[test]
fn query_only_reads_and_says_when_it_is_cut() {
    let bench = Bench::new();
    for sql in ["delete from plans", "select 1; select 2", "selec"] {
        let ran = bench.run(&["query", sql]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran}");
        assert!(ran.err.starts_with("error: invalid query: "), "{ran}");
    }
    let sql = "select plan_id from plans order by plan_id";
    bench.run(&["query", sql, "--query-rows-max", "2"]).shows(
        "
        exit 0
        --- out
        plan_id
        basic
        enterprise
        --- err
        warning: only the first 2 rows are shown
        hint: `--query-rows-max` allows more
        ",
    );
    bench.run(&["query", "select * from plans where false"]);
}
