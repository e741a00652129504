//! Retention: pruning calls whose sums are sealed first, and erasing a user.

use rusqlite::{Connection, OptionalExtension, params};

use super::connection::writer;
use super::engine::Engine;
use super::failure::failed;
use super::file::{Patience, SideLock};
use super::fold::{folded_response_times, projections};
use super::names::Names;
use super::rows::call;
use super::seal::{reseal_call, seal_user};
use crate::domain::pruned::PrunedCall;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result, shown};
use crate::storage::{Erased, PruneMode, Pruned};

/// Calls that one transaction prunes: others wait no longer than that takes.
const CHUNK: i64 = 10_000;

/// The calls that the running transaction prunes.
const SOURCE: &str = "(SELECT * FROM calls WHERE id IN (SELECT id FROM temp.pruning))";

/// Counts or removes the calls that were made before an instant and have a cost.
pub(super) fn prune(engine: &Engine, before: Timestamp, mode: PruneMode) -> Result<Pruned> {
    if mode == PruneMode::Count {
        return engine.read("count the old calls", |session| counted(&session.connection, before));
    }
    let lock = SideLock::open(&engine.path)?;
    let mut connection = writer(&engine.path)?;
    let mut pruned = Pruned::default();
    loop {
        // A turn for each chunk: other writers take theirs between.
        let _turn = lock.turn_until(Patience::of(&engine.options))?;
        engine.check_identity()?;
        let chunk = prune_chunk(&mut connection, before).map_err(failed("prune the calls"))?;
        pruned.calls += chunk;
        if chunk < CHUNK {
            pruned.unpriced_calls =
                counted(&connection, before).map_err(failed("count the old calls"))?.unpriced_calls;
            return Ok(pruned);
        }
    }
}

fn counted(connection: &Connection, before: Timestamp) -> rusqlite::Result<Pruned> {
    let sql = "SELECT count(cost_pico_usd), count(*) - count(cost_pico_usd) FROM calls \
               WHERE occurred_at_us < ?1";
    connection.query_row(sql, [before.micros()], |row| {
        Ok(Pruned { calls: row.get(0)?, unpriced_calls: row.get(1)? })
    })
}

/// Prunes some calls in one transaction: base, what answers repeats, and the rows themselves.
fn prune_chunk(connection: &mut Connection, before: Timestamp) -> rusqlite::Result<i64> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS pruning (id INTEGER PRIMARY KEY) STRICT; \
         DELETE FROM temp.pruning",
    )?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let sql = "INSERT INTO temp.pruning (id) SELECT id FROM calls \
               WHERE occurred_at_us < ?1 AND cost_pico_usd IS NOT NULL ORDER BY id LIMIT ?2";
    let found = transaction.execute(sql, [before.micros(), CHUNK])?;
    for projection in projections() {
        transaction.execute(&projection.seal(SOURCE), [])?;
    }
    for (place, calls) in folded_response_times(&transaction, SOURCE)? {
        let [user_id, day, provider_id, bucket] = place;
        let sql = "INSERT INTO base_response_times (user_id, day, provider_id, bucket, calls) \
                   VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT DO UPDATE SET calls = calls + excluded.calls";
        let row = [user_id, day, provider_id, bucket, calls];
        transaction.prepare_cached(sql)?.execute(row)?;
    }
    keep_what_answers_repeats(&transaction)?;
    transaction.execute_batch(
        "DELETE FROM call_usage WHERE call_id IN (SELECT id FROM temp.pruning); \
         DELETE FROM calls WHERE id IN (SELECT id FROM temp.pruning)",
    )?;
    transaction.commit()?;
    Ok(i64::try_from(found).unwrap_or(i64::MAX))
}

fn keep_what_answers_repeats(connection: &Connection) -> rusqlite::Result<()> {
    let mut names = Names::load(connection)?;
    let sql = format!("SELECT {}, user_id FROM {SOURCE}", call_columns!());
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let user_id: i64 = row.get(44)?;
        let call = call(connection, &mut names, row)?;
        let Some(kept) = PrunedCall::of(&call) else { continue };
        let PrunedCall { id, fingerprint, occurred_at, period_starts_at, cost, price_version_id } =
            kept;
        let sql = "INSERT INTO pruned_calls (call_id, user_id, fingerprint, occurred_at_us, \
                   period_starts_at_us, cost_pico_usd, price_version_id) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        connection.prepare_cached(sql)?.execute(params![
            id,
            user_id,
            fingerprint.as_bytes(),
            occurred_at.micros(),
            period_starts_at.micros(),
            cost.pico_usd(),
            price_version_id,
        ])?;
    }
    Ok(())
}

/// The columns that may hold free text or names of things outside, and what they become.
const ERASED_COLUMNS: [&str; 5] = [
    "UPDATE calls SET endpoint = NULL, method = NULL, error_message = NULL, ip_address = NULL, \
     user_agent = NULL, tags = NULL, actual_provider = NULL WHERE user_id = ?1",
    "UPDATE limit_overrides SET note = NULL WHERE user_id = ?1",
    "UPDATE subscription_terms SET stripe_customer_id = NULL, stripe_subscription_id = NULL, \
     payment_method = NULL, payment_reference = NULL WHERE user_id = ?1",
    "UPDATE invoices SET payment_reference = NULL, stripe_invoice_id = NULL, \
     void_reason = NULL WHERE user_id = ?1",
    "UPDATE alerts SET title = 'erased', message = '', recommended_action = NULL \
     WHERE user_id = ?1",
];

/// Rows that are gone with the user. A message that was not delivered would tell the pseudonym.
const ERASED_ROWS: [&str; 3] = [
    "DELETE FROM holds WHERE user_id = ?1",
    "DELETE FROM outbox WHERE alert_id IN (SELECT id FROM alerts WHERE user_id = ?1)",
    "DELETE FROM output_sizes WHERE user_id = ?1",
];

/// Takes a user's identity and texts out of the rows, and their bytes off the disk.
pub(super) fn erase(engine: &Engine, user: &str, pseudonym: &str) -> Result<Erased> {
    let lock = SideLock::open(&engine.path)?;
    let _turn = lock.turn_until(Patience::of(&engine.options))?;
    engine.check_identity()?;
    let mut connection = writer(&engine.path)?;
    let erased = erase_rows(&mut connection, user, pseudonym)
        .map_err(failed("erase the user"))?
        .ok_or_else(|| Error::UnknownUser { user: shown(user) })?;
    wipe(&connection)?;
    Ok(erased)
}

fn erase_rows(
    connection: &mut Connection,
    user: &str,
    pseudonym: &str,
) -> rusqlite::Result<Option<Erased>> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let sql = "SELECT id FROM users WHERE user = ?1";
    let id: Option<i64> = transaction.query_row(sql, [user], |row| row.get(0)).optional()?;
    let Some(id) = id else { return Ok(None) };
    transaction.execute(
        "UPDATE users SET user = ?2, revision = revision + 1 WHERE id = ?1",
        params![id, pseudonym],
    )?;
    let mut changed = [0; ERASED_COLUMNS.len()];
    for (count, sql) in changed.iter_mut().zip(ERASED_COLUMNS) {
        *count = i64::try_from(transaction.execute(sql, [id])?).unwrap_or(i64::MAX);
    }
    let mut removed = [0; ERASED_ROWS.len()];
    for (count, sql) in removed.iter_mut().zip(ERASED_ROWS) {
        *count = i64::try_from(transaction.execute(sql, [id])?).unwrap_or(i64::MAX);
    }
    replace_keys(&transaction, id)?;
    seal_anew(&transaction, id)?;
    transaction.commit()?;
    let [calls, _, _, invoices, _] = changed;
    let [holds, _, _] = removed;
    Ok(Some(Erased { calls, holds, invoices }))
}

/// A key is a digest of the user's id: who knows the id could tell that it was here. Random keys
/// take their place, so that each call still has one.
fn replace_keys(connection: &Connection, user_id: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE call_keys SET key = randomblob(16), seal = NULL WHERE call_id IN \
               (SELECT id FROM calls WHERE user_id = ?1 \
               UNION ALL SELECT call_id FROM pruned_calls WHERE user_id = ?1)";
    connection.execute(sql, [user_id]).map(|_| ())
}

fn seal_anew(connection: &Connection, user_id: i64) -> rusqlite::Result<()> {
    seal_user(connection, user_id)?;
    let mut names = Names::load(connection)?;
    let mut statement = connection.prepare("SELECT id FROM calls WHERE user_id = ?1")?;
    let ids: Vec<i64> =
        statement.query_map([user_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    ids.into_iter().try_for_each(|id| reseal_call(connection, &mut names, id))
}

/// How often the log is asked to be cut while others read.
const CUTS_MAX: u32 = 50;

/// Rewrites the file without what was deleted and cuts the log, so that no old page is left.
fn wipe(connection: &Connection) -> Result<()> {
    // The copy that VACUUM makes can be as large as the file, which need not fit into memory.
    connection
        .pragma_update(None, "temp_store", "file")
        .and_then(|()| connection.execute_batch("VACUUM"))
        .map_err(failed("rewrite the file"))?;
    for _ in 0..CUTS_MAX {
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(failed("cut the log"))?;
        if busy == 0 {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let reason = "others kept reading; erase the user's pseudonym again to cut the log".into();
    Err(Error::StorageUnavailable { action: "cut the log", reason })
}
