//! `query`: one statement that only reads, whatever is tried.

use alwrity_metering::Cell;

use crate::scene::{Scene, chat, number};

#[test]
fn a_select_answers_with_columns_and_typed_cells() {
    let scene = Scene::new();
    let sql = "SELECT 1 AS one, 'two' AS two, 2.5, NULL AS none, x'00ff' AS bytes";
    let table = scene.meter.query(sql).unwrap();
    assert_eq!(table.columns, ["one", "two", "2.5", "none", "bytes"]);
    let row = [
        Cell::Integer(1),
        Cell::Text("two".into()),
        Cell::Real(2.5),
        Cell::Null,
        Cell::Blob(vec![0, 255]),
    ];
    assert_eq!(table.rows, [row]);
    assert!(!table.is_cut);
    for sql in [
        "select 1;",
        " -- a comment\nSELECT 1 /* and another */ ; ",
        "WITH t AS (SELECT 1) SELECT * FROM t",
        "VALUES (1)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) \
         SELECT max(i) FROM n",
    ] {
        assert_eq!(scene.meter.query(sql).unwrap().rows.len(), 1, "{sql}");
    }
}

#[test]
fn whatever_is_no_reading_statement_is_refused() {
    let scene = Scene::new();
    scene.meter.record_call(&chat("u", "k", 1, 1)).unwrap();
    let other = scene.path().with_file_name("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    let vacuum = format!("VACUUM INTO '{}'", other.display());
    for sql in [
        "",
        "   ",
        "-- nothing",
        "SELEC 1",
        "SELECT * FROM no_such_table",
        "INSERT INTO users (user, created_at_us) VALUES ('x', 0)",
        "UPDATE calls SET cost_pico_usd = 0",
        "DELETE FROM calls",
        "DELETE FROM calls RETURNING id",
        "WITH t AS (SELECT 1) DELETE FROM calls",
        "REPLACE INTO users (user, created_at_us) VALUES ('x', 0)",
        "DROP TABLE calls",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "ALTER TABLE calls RENAME TO c",
        attach.as_str(),
        "DETACH main",
        "PRAGMA journal_mode = delete",
        "PRAGMA user_version = 7",
        "PRAGMA writable_schema = on",
        "PRAGMA integrity_check",
        vacuum.as_str(),
        "VACUUM",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "SAVEPOINT s",
        "EXPLAIN DELETE FROM calls",
        "SELECT 1; SELECT 2",
        "SELECT 1; DELETE FROM calls",
        "SELECT ?1",
        "SELECT load_extension('x')",
        "SELECT 'a' = \0",
    ] {
        let error = scene.meter.query(sql).unwrap_err();
        assert_eq!((error.code(), error.http_status()), ("invalid_query", 400), "{sql}");
    }
    assert!(!other.exists());
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM calls"), 1);
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM users"), 1);
}

#[test]
fn rows_beyond_the_option_are_cut_and_it_says_so() {
    let scene = Scene::with(|options| options.query_rows_max = 3);
    let counting = |to: i64| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {to}) \
             SELECT i FROM n"
        )
    };
    let exactly = scene.meter.query(&counting(3)).unwrap();
    assert_eq!((exactly.rows.len(), exactly.is_cut), (3, false));
    let more = scene.meter.query(&counting(4)).unwrap();
    assert_eq!((more.rows.len(), more.is_cut), (3, true));
}

#[test]
fn an_error_while_a_row_is_computed_is_an_invalid_query() {
    let scene = Scene::new();
    let error = scene.meter.query("SELECT abs(-9223372036854775807 - 1)").unwrap_err();
    assert_eq!(error.code(), "invalid_query");
    assert!(error.to_string().contains("overflow"), "{error}");
}
