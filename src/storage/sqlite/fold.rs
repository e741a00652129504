//! The fold: counters and rollups as plain SQL over the ledger, and over the base that pruned
//! calls have left.
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

/// A projection of the ledger: its table, its columns, and the fold.
pub(super) struct Projection {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    /// The columns that tell where a sum stands.
    place: &'static str,
    /// The columns that are added, and perhaps `has_other_units`, which is the greatest.
    sums: String,
    /// The fold of the calls of a source, in the order of the columns.
    fold: Box<dyn Fn(&str) -> String>,
}

impl Projection {
    /// The columns that are compared.
    pub(super) fn columns(&self) -> String {
        format!("{}, {}", self.place, self.sums)
    }

    /// What the table must hold of all users, or of one: base + ledger.
    pub(super) fn select(&self, user_id: Option<i64>) -> String {
        let Self { table, place, .. } = self;
        let (which, source) = match user_id {
            None => ("true".to_owned(), "calls".to_owned()),
            Some(id) => {
                (format!("user_id = {id}"), format!("(SELECT * FROM calls WHERE user_id = {id})"))
            }
        };
        let merged = |column: &str| match column {
            "has_other_units" => "max(has_other_units)".to_owned(),
            sum => format!("sum({sum})"),
        };
        let sums: Vec<String> = self.sums.split(", ").map(merged).collect();
        format!(
            "SELECT {place}, {} FROM (SELECT {columns} FROM base_{table} WHERE {which} \
             UNION ALL {fold}) GROUP BY {place}",
            sums.join(", "),
            columns = self.columns(),
            fold = (self.fold)(&source),
        )
    }

    /// Adds the fold of the calls of a source to the base.
    pub(super) fn seal(&self, source: &str) -> String {
        let Self { table, .. } = self;
        let added = |column: &str| match column {
            "has_other_units" => {
                "has_other_units = max(has_other_units, excluded.has_other_units)".to_owned()
            }
            sum => format!("{sum} = {sum} + excluded.{sum}"),
        };
        let sums: Vec<String> = self.sums.split(", ").map(added).collect();
        // Without the condition SQLite would read ON as a part of a join.
        format!(
            "INSERT INTO base_{table} ({columns}) SELECT * FROM ({fold}) WHERE true \
             ON CONFLICT DO UPDATE SET {}",
            sums.join(", "),
            columns = self.columns(),
            fold = (self.fold)(source),
        )
    }
}

/// Every projection that SQL alone folds.
pub(super) fn projections() -> Vec<Projection> {
    let mut all = by_window();
    all.extend(by_day());
    all.push(models_by_period());
    all
}

fn by_window() -> Vec<Projection> {
    fn each_window(select: &dyn Fn(&(i64, &str, &str)) -> String) -> String {
        WINDOWS.iter().map(select).collect::<Vec<_>>().join(" UNION ALL ")
    }
    let counters = |source: &str| {
        each_window(&|(code, start, counts)| {
            format!(
                "SELECT c.user_id, {code}, {start}, c.provider_id, c.operation_id, {SUMS}, \
                 max(c.has_other_units) FROM {source} c JOIN users u ON u.id = c.user_id \
                 WHERE {counts} GROUP BY 1, 3, 4, 5"
            )
        })
    };
    let counter_usage = |source: &str| {
        each_window(&|(code, start, counts)| {
            format!(
                "SELECT c.user_id, {code}, {start}, c.provider_id, c.operation_id, x.unit_id, \
                 sum(x.quantity) FROM call_usage x JOIN {source} c ON c.id = x.call_id \
                 JOIN users u ON u.id = c.user_id WHERE {counts} GROUP BY 1, 3, 4, 5, 6"
            )
        })
    };
    vec![
        Projection {
            name: "counters",
            table: "counters",
            place: "user_id, \"window\", starts_at_us, provider_id, operation_id",
            sums: concat!(sum_columns!(), ", has_other_units").into(),
            fold: Box::new(counters),
        },
        Projection {
            name: "counters of other units",
            table: "counter_usage",
            place: "user_id, \"window\", starts_at_us, provider_id, operation_id, unit_id",
            sums: "quantity".into(),
            fold: Box::new(counter_usage),
        },
    ]
}

fn by_day() -> Vec<Projection> {
    vec![
        Projection {
            name: "days",
            table: "days",
            place: "user_id, day, provider_id, model_id, operation_id",
            sums: concat!(sum_columns!(), ", has_other_units").into(),
            fold: Box::new(|source| {
                format!(
                    "SELECT c.user_id, c.occurred_at_us / 86400000000, c.provider_id, \
                     c.model_id, c.operation_id, {SUMS}, max(c.has_other_units) \
                     FROM {source} c GROUP BY 1, 2, 3, 4, 5"
                )
            }),
        },
        Projection {
            name: "days of other units",
            table: "day_usage",
            place: "user_id, day, provider_id, model_id, operation_id, unit_id",
            sums: "quantity".into(),
            fold: Box::new(|source| {
                format!(
                    "SELECT c.user_id, c.occurred_at_us / 86400000000, c.provider_id, \
                     c.model_id, c.operation_id, x.unit_id, sum(x.quantity) \
                     FROM call_usage x JOIN {source} c ON c.id = x.call_id \
                     GROUP BY 1, 2, 3, 4, 5, 6"
                )
            }),
        },
    ]
}

fn models_by_period() -> Projection {
    Projection {
        name: "models by period",
        table: "period_models",
        place: "user_id, starts_at_us, provider_id, model_id",
        sums: "calls, unpriced_calls, tokens, cost_pico_usd".into(),
        fold: Box::new(|source| {
            format!(
                "SELECT c.user_id, c.period_starts_at_us, c.provider_id, c.model_id, \
                     sum(c.call_count), \
                     sum(CASE WHEN c.cost_pico_usd IS NULL THEN c.call_count ELSE 0 END), \
                     sum(c.input_tokens + c.output_tokens), sum(ifnull(c.cost_pico_usd, 0)) \
                     FROM {source} c GROUP BY 1, 2, 3, 4"
            )
        }),
    }
}

/// user, day, provider, bucket.
pub(super) type ResponsePlace = [i64; 4];

/// The response times by bucket: base + ledger.
pub(super) fn response_times(
    connection: &Connection,
) -> rusqlite::Result<BTreeMap<ResponsePlace, i64>> {
    let mut folded = folded_response_times(connection, "calls")?;
    let sql = "SELECT user_id, day, provider_id, bucket, calls FROM base_response_times";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let place = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
        *folded.entry(place).or_insert(0) += row.get::<_, i64>(4)?;
    }
    Ok(folded)
}

/// The response times of the calls of a source, by bucket.
pub(super) fn folded_response_times(
    connection: &Connection,
    source: &str,
) -> rusqlite::Result<BTreeMap<ResponsePlace, i64>> {
    let sql = format!(
        "SELECT user_id, occurred_at_us / 86400000000, provider_id, response_time_ms, \
         sum(call_count) FROM {source} WHERE response_time_ms IS NOT NULL GROUP BY 1, 2, 3, 4"
    );
    let mut statement = connection.prepare(&sql)?;
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
    for projection in projections() {
        let (table, columns, select) =
            (projection.table, projection.columns(), projection.select(None));
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
