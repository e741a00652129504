//! `export`: the file has every row once, exactly, and is whole or not there.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bench::{Bench, words};

/// A store with calls of two users, among them one with everything in it.
fn bench() -> Bench {
    let bench = Bench::new();
    for line in [
        "u1 --provider openai --model gpt-4o --input-tokens 10000 --output-tokens 1000 \
         --response-time-ms 1200 --tag feature=blog --endpoint /v1/chat",
        "u1 --provider nobody --model x --input-tokens 1 --output-tokens 1 --status-code 500 \
         --unit web_searches=3 --error-message quoted,\"text\"",
        "u2 --provider tavily --occurred-at 2025-10-06T00:00:00Z",
    ] {
        let args = [&["record"], &words(line)[..]].concat();
        let ran = bench.run_at_noon(&args);
        assert_eq!(ran.code, 0, "{ran}");
    }
    bench
}

#[test]
fn calls_are_exported_as_csv() {
    let bench = bench();
    let ran = bench.run(&["export", "calls"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let mut reader = csv::Reader::from_reader(ran.out.as_bytes());
    let head = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        let place = head.iter().position(|own| own == name).unwrap_or_else(|| panic!("{name}"));
        rows[row][place].to_owned()
    };
    assert_eq!(rows.len(), 3);
    assert_eq!(cell(0, "cost_usd"), "0.035");
    assert_eq!(cell(0, "tags"), r#"{"feature":"blog"}"#);
    assert_eq!(cell(0, "occurred_at"), "2025-10-07T12:00:00Z");
    assert_eq!(cell(1, "cost_usd"), "", "unknown is not 0");
    assert_eq!(cell(1, "other_units"), r#"{"web_searches":3}"#);
    assert_eq!(cell(1, "error_message"), "quoted,\"text\"");
    assert_eq!((cell(2, "user"), cell(2, "searches")), ("u2".into(), "1".into()));
}

#[test]
fn calls_are_exported_as_json_lines() {
    let bench = bench();
    let ran = bench.run(&["export", "calls", "--format", "jsonl", "--user", "u1"]);
    let rows: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["cost_usd"], "0.035");
    assert_eq!(rows[0]["tags"]["feature"], "blog");
    assert_eq!(rows[0]["late"], false);
    assert!(rows[1].get("cost_usd").is_none());
    assert_eq!(rows[1]["other_units"]["web_searches"], 3);
}

#[test]
fn rollups_are_exported_within_a_time() {
    let bench = bench();
    let export = |more: &[&str]| {
        let args = [&["export", "rollups", "--format", "jsonl"], more].concat();
        let ran = bench.run(&args);
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let all = export(&[]);
    assert_eq!(all.len(), 3);
    assert_eq!(all[0]["day"], "2025-10-07");
    let sixth = export(&["--from", "2025-10-06T00:00:00Z", "--until", "2025-10-07T00:00:00Z"]);
    assert_eq!(sixth.len(), 1);
    assert_eq!((&sixth[0]["user"], &sixth[0]["calls"]), (&"u2".into(), &1.into()));
}

#[test]
fn a_file_is_whole_and_its_owners_alone_or_not_there() {
    let bench = bench();
    let file = bench.path("calls.csv");
    let to = file.to_str().unwrap();
    let ran = bench.run(&["export", "calls", "--to", to]);
    assert_eq!(ran.out, "3 rows in ~/calls.csv\n", "{ran}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), bench.run(&["export", "calls"]).out);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let ran = bench.run(&["export", "calls", "--to", to]);
    assert!(ran.code == 1 && ran.err.contains("there is a file"), "{ran}");
    let nowhere = bench.path("no such folder/calls.csv");
    assert_eq!(bench.run(&["export", "calls", "--to", nowhere.to_str().unwrap()]).code, 1);
    let left: Vec<_> =
        std::fs::read_dir(bench.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".partial")), "{left:?}");
}

#[test]
fn a_reader_that_goes_away_ends_the_export() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let bench = bench();
    let db = bench.db();
    let args = ["--db", db.to_str().unwrap(), "export", "calls"].map(std::ffi::OsString::from);
    let mut err = Vec::new();
    let code = alwrity_metering_cli::run_on(
        args,
        &[],
        &mut alwrity_metering_cli::Streams {
            out: &mut Closed,
            err: &mut err,
            is_out_terminal: false,
            is_err_terminal: false,
        },
    );
    assert_eq!((code, err.len()), (0, 0));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_is_a_feature_that_says_when_it_is_missing() {
    let bench = bench();
    let file = bench.path("calls.parquet");
    let ran =
        bench.run(&["export", "calls", "--format", "parquet", "--to", file.to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("--features parquet"), "{ran}");
    assert!(!file.exists());
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_keeps_money_and_times_exact() {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    let bench = bench();
    let file = bench.path("calls.parquet");
    let ran =
        bench.run(&["export", "calls", "--format", "parquet", "--to", file.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran}");
    let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
    let rows: Vec<std::collections::BTreeMap<String, String>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            let row = row.unwrap();
            row.get_column_iter().map(|(name, cell)| (name.clone(), cell.to_string())).collect()
        })
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["cost_usd"], "0.035000000000");
    assert_eq!(rows[0]["user"], "\"u1\"");
    assert_eq!(rows[0]["occurred_at"], "2025-10-07 12:00:00.000000 +00:00");
    assert_eq!(rows[1]["cost_usd"], "null");
    assert_eq!(rows[2]["searches"], "1");
}
