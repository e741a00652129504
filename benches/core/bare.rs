//! Bare SQLite: the statements of a record by hand, without the library.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

const UNITS: &str = "input_tokens, output_tokens, cached_input_tokens, cache_write_5m_tokens, \
    cache_write_1h_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, requests, \
    searches, images, pages, seconds, characters";

const SUMS: &str = "calls, limited_calls, failed_calls, unpriced_calls, timed_calls, \
    response_time_ms, cost_pico_usd";

/// A file with the library's schema and a connection to it.
pub(crate) struct Bare {
    pub(crate) connection: Connection,
    next: usize,
    statements: Statements,
}

struct Statements {
    call: String,
    counter: String,
    day: String,
}

impl Statements {
    fn new() -> Self {
        let adds: Vec<String> = SUMS
            .split(',')
            .chain(UNITS.split(','))
            .map(|column| format!("{0} = {0} + excluded.{0}", column.trim()))
            .collect();
        let zeros = ", 0".repeat(12);
        let upsert = |table: &str, keys: &str, marks: &str| {
            format!(
                "INSERT INTO {table} ({keys}, {SUMS}, {UNITS}, has_other_units) VALUES \
                 ({marks}, 1, 1, 0, 0, 1, ?6, ?7, ?8, ?9{zeros}, 0) \
                 ON CONFLICT DO UPDATE SET {}",
                adds.join(", ")
            )
        };
        Self {
            call: format!(
                "INSERT INTO calls (user_id, provider_id, operation_id, model_id, variant, \
                 usage_source, status_code, call_count, occurred_at_us, recorded_at_us, \
                 period_starts_at_us, {UNITS}, has_other_units, cost_pico_usd, \
                 cost_input_pico_usd, cost_output_pico_usd, price_version_id, price_match, \
                 is_late, response_time_ms, retry_count) VALUES (?1, 1, 1, 1, 0, 0, 200, 1, ?2, \
                 ?2, ?3, ?4, ?5{zeros}, 0, ?6, ?7, ?8, 300, 0, 0, ?9, 0)"
            ),
            counter: upsert(
                "counters",
                "user_id, \"window\", starts_at_us, provider_id, operation_id",
                "?1, ?2, ?3, ?4, ?5",
            ),
            day: upsert(
                "days",
                "user_id, day, provider_id, model_id, operation_id",
                "?1, ?2, ?3, ?4, ?5",
            ),
        }
    }
}

/// A key that is as scattered as a hash.
pub(crate) fn key(n: i64) -> [u8; 16] {
    let spread = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
    u128::try_from(n).unwrap().wrapping_mul(spread).to_be_bytes()
}

impl Bare {
    /// Makes the schema with the library, then forgets it.
    pub(crate) fn open(path: &Path, synchronous: &str) -> Self {
        let meter = alwrity_metering::Meter::open(path, alwrity_metering::Options::default());
        meter.unwrap().seed("default").unwrap();
        let connection = Connection::open(path).unwrap();
        connection.set_prepared_statement_cache_capacity(64);
        // As the library does: without it statements are compiled anew at every binding.
        let stable = rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
        connection.set_db_config(stable, true).unwrap();
        for (name, value) in [
            ("synchronous", synchronous),
            ("foreign_keys", "off"),
            ("wal_autocheckpoint", "16000"),
            ("cache_size", "-16000"),
        ] {
            connection.pragma_update(None, name, value).unwrap();
        }
        let names = "INSERT OR IGNORE INTO operations (id, operation) VALUES (1, 'chat'); \
                     INSERT OR IGNORE INTO models (id, model) VALUES (1, 'gpt-4o-mini');";
        connection.execute_batch(names).unwrap();
        for user in 0..100 {
            let sql = "INSERT OR IGNORE INTO users (user, created_at_us) VALUES (?1, 0)";
            connection.execute(sql, [format!("user-{user}")]).unwrap();
        }
        Self { connection, next: 0, statements: Statements::new() }
    }

    /// Records calls, each in a transaction of its own.
    pub(crate) fn one_by_one(&mut self, calls: usize) -> Duration {
        self.in_batches(calls, 1)
    }

    /// Records batches of calls, each batch in a transaction.
    pub(crate) fn in_batches(&mut self, batches: usize, size: usize) -> Duration {
        let started = Instant::now();
        for _ in 0..batches {
            self.run("BEGIN IMMEDIATE");
            for _ in 0..size {
                self.record();
            }
            self.run("COMMIT");
        }
        started.elapsed()
    }

    pub(crate) fn run(&self, sql: &str) {
        self.connection.prepare_cached(sql).unwrap().execute([]).unwrap();
    }

    /// The reads and writes of one record.
    fn record(&mut self) {
        self.next += 1;
        let n = i64::try_from(self.next).unwrap();
        let (user, key) = (format!("user-{}", self.next % 100), key(n));
        let user_id = self.read(&user, &key);
        self.write(n, user_id, &key);
    }

    /// What a decision is made of: the user, its key, its counters and its open holds.
    pub(crate) fn read(&self, user: &str, key: &[u8; 16]) -> i64 {
        let connection = &self.connection;
        let sql = "SELECT s.catalogue_version, u.id, u.revision FROM store s \
                   LEFT JOIN users u ON u.user = ?1";
        let user_id: i64 =
            connection.prepare_cached(sql).unwrap().query_row([user], |row| row.get(1)).unwrap();
        let found = connection
            .prepare_cached("SELECT call_id FROM call_keys WHERE key = ?1")
            .unwrap()
            .exists([key])
            .unwrap();
        assert!(!found);
        let sql = format!(
            "SELECT starts_at_us, provider_id, operation_id, {SUMS}, {UNITS} FROM counters \
             WHERE user_id = ?1 AND \"window\" = 0 AND starts_at_us = 1759276800000000"
        );
        let mut counters = connection.prepare_cached(&sql).unwrap();
        let mut rows = counters.query([user_id]).unwrap();
        let mut sum = 0;
        while let Some(row) = rows.next().unwrap() {
            for column in 0..24 {
                sum += row.get::<_, i64>(column).unwrap() & 1;
            }
        }
        assert!(sum >= 0);
        let sql = "SELECT key FROM holds WHERE user_id = ?1 AND state = 0";
        let mut holds = connection.prepare_cached(sql).unwrap();
        let mut rows = holds.query([user_id]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            assert_eq!(row.get::<_, Vec<u8>>(0).unwrap().len(), 16);
        }
        user_id
    }

    /// The rows of a call.
    pub(crate) fn write(&self, n: i64, user_id: i64, key: &[u8; 16]) {
        let connection = &self.connection;
        let (input, output) = (400 + (n * 37) % 1500, 50 + (n * 13) % 700);
        let (cost_input, cost_output) = (input * 150_000, output * 600_000);
        let (cost, ms) = (cost_input + cost_output, 300 + n * 7 % 4000);
        let (at, period) = (1_759_276_800_000_000 + n, 1_759_276_800_000_000_i64);
        let Statements { call, counter, day } = &self.statements;
        let id = connection
            .prepare_cached(call)
            .unwrap()
            .insert(params![user_id, at, period, input, output, cost, cost_input, cost_output, ms])
            .unwrap();
        connection
            .prepare_cached("INSERT INTO call_keys (key, call_id) VALUES (?1, ?2)")
            .unwrap()
            .execute(params![key, id])
            .unwrap();
        let sums = [ms, cost, input, output];
        let counter_row: Vec<i64> = [user_id, 0, period, 1, 1].into_iter().chain(sums).collect();
        let day_row: Vec<i64> = [user_id, 20_362, 1, 1, 1].into_iter().chain(sums).collect();
        for (sql, row) in [(counter, counter_row), (day, day_row)] {
            let row = rusqlite::params_from_iter(row);
            connection.prepare_cached(sql).unwrap().execute(row).unwrap();
        }
        let sql = "INSERT INTO response_times (user_id, day, provider_id, bucket, calls) \
                   VALUES (?1, 20362, 1, ?2, 1) ON CONFLICT DO UPDATE SET calls = calls + 1";
        connection.prepare_cached(sql).unwrap().execute([user_id, ms / 50]).unwrap();
        let sql = "INSERT INTO usage_periods (user_id, starts_at_us, ends_at_us, usage_status, \
                   created_at_us, updated_at_us) VALUES (?1, ?2, ?3, 'active', ?4, ?4) \
                   ON CONFLICT DO UPDATE SET ends_at_us = excluded.ends_at_us, \
                   usage_status = excluded.usage_status, updated_at_us = excluded.updated_at_us";
        let row = [user_id, period, period + 2_678_400_000_000, at];
        connection.prepare_cached(sql).unwrap().execute(row).unwrap();
    }

    /// Reads one row by its id.
    pub(crate) fn point_read(&self, id: i64) {
        let sql = "SELECT cost_pico_usd FROM calls WHERE id = ?1";
        let cost: i64 =
            self.connection.prepare_cached(sql).unwrap().query_row([id], |row| row.get(0)).unwrap();
        assert!(cost > 0);
    }
}

/// A bare group commit: a thread that writes whatever waits in one transaction.
pub(crate) struct Group {
    sender: Sender<SyncSender<()>>,
}

impl Group {
    pub(crate) fn start(mut bare: Bare) -> Self {
        let (sender, receiver): (_, Receiver<SyncSender<()>>) = channel();
        std::thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let mut waiting = vec![first];
                waiting.extend(receiver.try_iter().take(255));
                bare.run("BEGIN IMMEDIATE");
                for _ in &waiting {
                    bare.record();
                }
                bare.run("COMMIT");
                for answer in waiting {
                    answer.send(()).unwrap();
                }
            }
        });
        Self { sender }
    }

    /// Records a call and waits for its commit.
    pub(crate) fn record(&self, _: usize) {
        let (answer, done) = sync_channel(1);
        self.sender.send(answer).unwrap();
        done.recv().unwrap();
    }
}
