//! A hold and its settlement in bare SQLite, at the durability that the library gives them.

use std::time::Duration;

use rusqlite::params;

use crate::bare::{Bare, key};

/// Waits for other processes as SQLite does by itself.
pub(crate) fn open(path: &std::path::Path) -> Bare {
    let bare = Bare::open(path, "full");
    bare.connection.busy_timeout(Duration::from_mins(1)).unwrap();
    bare
}

/// Reserves and settles the `n`-th call, each in a transaction of its own.
pub(crate) fn reserve_and_settle(bare: &Bare, n: i64) {
    let (user, key) = (format!("user-{}", n % 100), key(n));
    reserve(bare, &user, &key);
    settle(bare, n, &user, &key);
}

fn reserve(bare: &Bare, user: &str, key: &[u8; 16]) {
    bare.run("PRAGMA synchronous = normal");
    bare.run("BEGIN IMMEDIATE");
    let user_id = bare.read(user, key);
    assert!(!is_held(bare, user_id, key));
    let sql = "INSERT OR REPLACE INTO holds (user_id, key, provider_id, operation_id, model_id, \
               variant, call_count, usage, cost_pico_usd, price_version_id, price_match, \
               reserved_at_us, expires_at_us, period_starts_at_us, state) VALUES (?1, ?2, 1, 1, 1, \
               0, 1, '{\"input_tokens\":900,\"output_tokens\":300}', 315000000, 300, 0, \
               1759276800000000, 1759277400000000, 1759276800000000, 0)";
    bare.connection.prepare_cached(sql).unwrap().execute(params![user_id, key]).unwrap();
    bare.run("COMMIT");
}

fn settle(bare: &Bare, n: i64, user: &str, key: &[u8; 16]) {
    bare.run("PRAGMA synchronous = full");
    bare.run("BEGIN IMMEDIATE");
    let user_id = bare.read(user, key);
    assert!(is_held(bare, user_id, key));
    let sql = "DELETE FROM holds WHERE key = ?1 AND user_id = ?2";
    bare.connection.prepare_cached(sql).unwrap().execute(params![key, user_id]).unwrap();
    bare.write(n, user_id, key);
    bare.run("COMMIT");
}

fn is_held(bare: &Bare, user_id: i64, key: &[u8; 16]) -> bool {
    let sql = "SELECT usage, cost_pico_usd, state FROM holds WHERE key = ?1 AND user_id = ?2";
    bare.connection.prepare_cached(sql).unwrap().exists(params![key, user_id]).unwrap()
}
