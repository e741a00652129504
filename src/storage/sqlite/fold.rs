//! The fold: counters and rollups as plain SQL over the ledger.
//!
//! Written apart from the writer's Rust on purpose: `verify` compares the two, and `rebuild` puts
//! this one in place of what was stored.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::connection::writer;
use super::engine::Engine;
use super::failure::failed;
use super::file::{Patience, SideLock};
use crate::domain::histogram::bucket;
use crate::error::Result;

/// The sums of the calls of a group, in the order of `sum_columns!`.
const SUMS: &str = "sum(c.call_count), \
    sum(CASE WHEN c.status_code >= 400 AND c.has_other_units = 0 AND c.input_tokens = 0 \
        AND c.output_tokens = 0 AND c.cached_input_tokens = 0 AND c.cache_write_5m_tokens = 0 \
        AND c.cache_write_1h_tokens = 0 AND c.reasoning_tokens = 0 AND c.input_audio_tokens = 0 \
        AND c.output_audio_tokens = 0 AND c.requests = 0 AND c.searches = 0 AND c.images = 0 \
        AND c.pages = 0 AND c.seconds = 0 AND c.characters = 0 THEN 0 ELSE c.call_count END), \
    sum(CASE WHEN c.status_code >= 400 THEN c.call_count ELSE 0 END), \
    sum(CASE WHEN c.cost_pico_usd IS NULL THEN c.call_count ELSE 0 END), \
    sum(CASE WHEN c.response_time_ms IS NOT NULL THEN c.call_count ELSE 0 END), \
    sum(ifnull(c.response_time_ms, 0) * c.call_count), \
    sum(ifnull(c.cost_pico_usd, 0)), \
    sum(c.input_tokens), sum(c.output_tokens), sum(c.cached_input_tokens), \
    sum(c.cache_write_5m_tokens), sum(c.cache_write_1h_tokens), sum(c.reasoning_tokens), \
    sum(c.input_audio_tokens), sum(c.output_audio_tokens), sum(c.requests), sum(c.searches), \
    sum(c.images), sum(c.pages), sum(c.seconds), sum(c.characters)";

/// How one kind of window groups calls: its code, its start, and which calls count.
const WINDOWS: [(i64, &str, &str); 5] = [
    (0, "c.period_starts_at_us", "1"),
    (1, "c.occurred_at_us - c.occurred_at_us % 60000000", "c.id > u.minute_since_call_id"),
    (2, "c.occurred_at_us - c.occurred_at_us % 3600000000", "c.id > u.hour_since_call_id"),
    (3, "c.occurred_at_us - c.occurred_at_us % 86400000000", "c.id > u.day_since_call_id"),
    (4, "0", "c.id > u.lifetime_since_call_id"),
];

/// A projection of the ledger: its table, the columns that are compared, and the fold.
pub(super) struct Projection {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    pub(super) columns: String,
    pub(super) select: String,
}

/// Every projection that SQL alone folds: of all users, or of one.
pub(super) fn projections(user_id: Option<i64>) -> Vec<Projection> {
    let of_user = user_id.map_or("1".to_owned(), |id| format!("c.user_id = {id}"));
    let each_window = |select: &dyn Fn(&(i64, &str, &str)) -> String| {
        WINDOWS.iter().map(select).collect::<Vec<_>>().join(" UNION ALL ")
    };
    let counters = each_window(&|(code, start, counts)| {
        format!(
            "SELECT c.user_id, {code}, {start}, c.provider_id, c.operation_id, {SUMS}, \
             max(c.has_other_units) FROM calls c JOIN users u ON u.id = c.user_id \
             WHERE {of_user} AND {counts} GROUP BY 1, 3, 4, 5"
        )
    });
    let counter_usage = each_window(&|(code, start, counts)| {
        format!(
            "SELECT c.user_id, {code}, {start}, c.provider_id, c.operation_id, x.unit_id, \
             sum(x.quantity) FROM call_usage x JOIN calls c ON c.id = x.call_id \
             JOIN users u ON u.id = c.user_id WHERE {of_user} AND {counts} GROUP BY 1, 3, 4, 5, 6"
        )
    });
    let place = "user_id, \"window\", starts_at_us, provider_id, operation_id";
    vec![
        Projection {
            name: "counters",
            table: "counters",
            columns: format!("{place}, {}, has_other_units", sum_columns!()),
            select: counters,
        },
        Projection {
            name: "counters of other units",
            table: "counter_usage",
            columns: format!("{place}, unit_id, quantity"),
            select: counter_usage,
        },
        Projection {
            name: "days",
            table: "days",
            columns: format!(
                "user_id, day, provider_id, model_id, operation_id, {}, has_other_units",
                sum_columns!()
            ),
            select: format!(
                "SELECT c.user_id, c.occurred_at_us / 86400000000, c.provider_id, c.model_id, \
                 c.operation_id, {SUMS}, max(c.has_other_units) FROM calls c \
                 WHERE {of_user} GROUP BY 1, 2, 3, 4, 5"
            ),
        },
        Projection {
            name: "days of other units",
            table: "day_usage",
            columns: "user_id, day, provider_id, model_id, operation_id, unit_id, quantity".into(),
            select: format!(
                "SELECT c.user_id, c.occurred_at_us / 86400000000, c.provider_id, c.model_id, \
                 c.operation_id, x.unit_id, sum(x.quantity) FROM call_usage x \
                 JOIN calls c ON c.id = x.call_id WHERE {of_user} GROUP BY 1, 2, 3, 4, 5, 6"
            ),
        },
    ]
}

/// user, day, provider, bucket.
pub(super) type ResponsePlace = [i64; 4];

/// The response times by bucket, folded from the ledger.
pub(super) fn response_times(
    connection: &Connection,
) -> rusqlite::Result<BTreeMap<ResponsePlace, i64>> {
    let sql = "SELECT user_id, occurred_at_us / 86400000000, provider_id, response_time_ms, \
               sum(call_count) FROM calls WHERE response_time_ms IS NOT NULL GROUP BY 1, 2, 3, 4";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut folded = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let place = [row.get(0)?, row.get(1)?, row.get(2)?, bucket(row.get(3)?)];
        *folded.entry(place).or_insert(0) += row.get::<_, i64>(4)?;
    }
    Ok(folded)
}

/// Puts what the ledger says in place of every counter and rollup, in one transaction; how many
/// rows were written.
pub(super) fn rebuild(engine: &Engine) -> Result<i64> {
    // A handle of its own: the writer thread's would not keep the writer out.
    let lock = SideLock::open(&engine.path)?;
    let patience = Patience::of(&engine.options);
    let _turn = lock.turn_until(patience)?;
    engine.check_identity()?;
    let mut connection = writer(&engine.path)?;
    let written = replace_all(&mut connection).map_err(failed("rebuild the counters"));
    written.map_err(|error| patience.measured(error))
}

fn replace_all(connection: &mut Connection) -> rusqlite::Result<i64> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut written = 0;
    for Projection { table, columns, select, .. } in projections(None) {
        transaction.execute(&format!("DELETE FROM {table}"), [])?;
        written += transaction.execute(&format!("INSERT INTO {table} ({columns}) {select}"), [])?;
    }
    transaction.execute("DELETE FROM response_times", [])?;
    for ([user_id, day, provider_id, bucket], calls) in response_times(&transaction)? {
        let sql = "INSERT INTO response_times (user_id, day, provider_id, bucket, calls) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = [user_id, day, provider_id, bucket, calls];
        written += transaction.prepare_cached(sql)?.execute(row)?;
    }
    transaction.commit()?;
    Ok(i64::try_from(written).unwrap_or(i64::MAX))
}

/// The names of the common units' columns, as the fold lists them.
#[cfg(test)]
pub(super) const UNIT_COLUMNS: &str = unit_columns!();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Unit;

    #[test]
    fn every_common_unit_is_a_column_of_the_fold() {
        let columns: Vec<&str> = UNIT_COLUMNS.split(", ").collect();
        assert_eq!(columns, Unit::COMMON_NAMES);
        for unit in Unit::COMMON_NAMES {
            assert!(SUMS.contains(&format!("sum(c.{unit})")), "{unit}");
            assert!(SUMS.contains(&format!("c.{unit} = 0")), "{unit}");
        }
    }
}
