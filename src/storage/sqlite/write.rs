//! Writing: the changes that a work decided, inside the writer's transaction.

use rusqlite::{Connection, params};

use super::addition::{COUNTERS, DAYS};
use super::names::{Kind, Names};
use super::rows::HOLD_COLUMNS;
use super::seal::reseal_call;
use crate::domain::account::{Account, LimitOverride};
use crate::domain::call::Call;
use crate::domain::counter::Counter;
use crate::domain::histogram::bucket;
use crate::domain::hold::Hold;
use crate::domain::key::CallKey;
use crate::domain::operation::Operation;
use crate::domain::seal;
use crate::domain::time::{DAY_US, Span, Timestamp, Window};
use crate::storage::{PeriodMark, ReRated};

/// A user while its changes are written.
pub(super) struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) names: &'a mut Names,
    pub(super) user_id: i64,
}

/// Creates a user and gives its id.
pub(super) fn create_user(
    connection: &Connection,
    user: &str,
    at: Timestamp,
) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO users (user, created_at_us) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.insert(params![user, at.micros()])
}

impl Writing<'_> {
    /// Enters a call, its key, and what it adds to counters and rollups.
    pub(super) fn enter(
        &mut self,
        key: CallKey,
        call: &Call,
        tracked: &[Window],
    ) -> rusqlite::Result<()> {
        let row = self.call_row(call)?;
        self.connection
            .prepare_cached("INSERT INTO call_keys (key, call_id, seal) VALUES (?1, ?2, ?3)")?
            .execute(params![key.as_bytes(), call.id, seal::of_key(key, call.id)])?;
        self.add_other_units(call)?;
        let (provider_id, model_id, operation_id) = row;
        let added = Counter::of(call);
        for window in std::iter::once(&Window::Period).chain(tracked) {
            let starts_at = match window {
                Window::Period => call.period_starts_at,
                _ => window.span(call.occurred_at, Span::ALWAYS).starts_at,
            };
            let place =
                [self.user_id, window.code(), starts_at.micros(), provider_id, operation_id];
            self.add(&COUNTERS, place, &added)?;
        }
        self.add_to_models(provider_id, model_id, call.period_starts_at, &added)?;
        let day = call.occurred_at.day_number();
        self.add(&DAYS, [self.user_id, day, provider_id, model_id, operation_id], &added)?;
        if let Some(ms) = call.details.response_time_ms {
            self.add_to_response_times(
                [self.user_id, day, provider_id, bucket(ms)],
                call.call_count,
            )?;
        }
        Ok(())
    }

    fn call_row(&mut self, call: &Call) -> rusqlite::Result<(i64, i64, i64)> {
        let provider_id = self.names.id(self.connection, Kind::Provider, &call.provider)?;
        let operation_id =
            self.names.id(self.connection, Kind::Operation, call.operation.as_str())?;
        let model_id = self.names.id(self.connection, Kind::Model, &call.model)?;
        let details = &call.details;
        let tags =
            if details.tags.is_empty() { None } else { serde_json::to_string(&details.tags).ok() };
        let sql = concat!(
            "INSERT INTO calls (user_id, ",
            call_columns!(),
            ", seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
             ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, \
             ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44, ?45, ?46)"
        );
        let mut statement = self.connection.prepare_cached(sql)?;
        let leading = [
            self.user_id,
            call.id,
            provider_id,
            operation_id,
            model_id,
            call.variant.code(),
            call.usage_source.code(),
            call.status_code,
            call.call_count,
            call.occurred_at.micros(),
            call.recorded_at.micros(),
            call.period_starts_at.micros(),
        ];
        for (index, number) in (1..).zip(leading.iter().chain(call.usage.common())) {
            statement.raw_bind_parameter(index, number)?;
        }
        statement.raw_bind_parameter(27, !call.usage.other().is_empty())?;
        statement.raw_bind_parameter(28, call.cost.map(crate::Money::pico_usd))?;
        statement.raw_bind_parameter(29, call.cost_input.pico_usd())?;
        statement.raw_bind_parameter(30, call.cost_output.pico_usd())?;
        statement.raw_bind_parameter(31, call.vendor_cost.map(crate::Money::pico_usd))?;
        statement.raw_bind_parameter(32, call.price_version_id)?;
        statement.raw_bind_parameter(33, call.price_match.code())?;
        statement.raw_bind_parameter(34, call.is_late)?;
        statement.raw_bind_parameter(35, &details.actual_provider)?;
        statement.raw_bind_parameter(36, &details.endpoint)?;
        statement.raw_bind_parameter(37, &details.method)?;
        statement.raw_bind_parameter(38, details.response_time_ms)?;
        statement.raw_bind_parameter(39, details.request_size_bytes)?;
        statement.raw_bind_parameter(40, details.response_size_bytes)?;
        statement.raw_bind_parameter(41, details.retry_count)?;
        statement.raw_bind_parameter(42, &details.error_message)?;
        statement.raw_bind_parameter(43, &details.ip_address)?;
        statement.raw_bind_parameter(44, &details.user_agent)?;
        statement.raw_bind_parameter(45, tags)?;
        statement.raw_bind_parameter(46, seal::of_call(self.user_id, call))?;
        statement.raw_execute()?;
        Ok((provider_id, model_id, operation_id))
    }

    fn add_other_units(&mut self, call: &Call) -> rusqlite::Result<()> {
        for (unit, quantity) in call.usage.other() {
            let unit_id = self.names.id(self.connection, Kind::Unit, unit.as_str())?;
            let sql = "INSERT INTO call_usage (call_id, unit_id, quantity) VALUES (?1, ?2, ?3)";
            self.connection.prepare_cached(sql)?.execute([call.id, unit_id, *quantity])?;
        }
        Ok(())
    }

    /// Gives a call its new cost, unless somebody else just did; then nothing changes.
    pub(super) fn re_rate(&mut self, change: &ReRated, account: &Account) -> rusqlite::Result<()> {
        let ReRated { before, after } = change;
        let sql = "UPDATE calls SET cost_pico_usd = ?2, cost_input_pico_usd = ?3, \
                   cost_output_pico_usd = ?4, price_version_id = ?5, price_match = ?6 \
                   WHERE id = ?1 AND user_id = ?7 AND cost_pico_usd IS ?8 \
                   AND price_version_id IS ?9";
        let changed = self.connection.prepare_cached(sql)?.execute(params![
            after.id,
            after.cost.map(crate::Money::pico_usd),
            after.cost_input.pico_usd(),
            after.cost_output.pico_usd(),
            after.price_version_id,
            after.price_match.code(),
            self.user_id,
            before.cost.map(crate::Money::pico_usd),
            before.price_version_id,
        ])?;
        if changed == 0 {
            return Ok(());
        }
        reseal_call(self.connection, self.names, after.id)?;
        let (was, is) = (Counter::of(before), Counter::of(after));
        let moved = Counter {
            unpriced_calls: is.unpriced_calls - was.unpriced_calls,
            // Both are costs of one call, so their difference is in range.
            cost: crate::Money::from_pico_usd(is.cost.pico_usd() - was.cost.pico_usd()),
            ..Counter::default()
        };
        let provider_id = self.names.id(self.connection, Kind::Provider, &after.provider)?;
        let operation_id =
            self.names.id(self.connection, Kind::Operation, after.operation.as_str())?;
        let model_id = self.names.id(self.connection, Kind::Model, &after.model)?;
        let mut windows = vec![(Window::Period, after.period_starts_at)];
        for (window, since) in &account.tracked {
            if after.id > *since {
                windows.push((*window, window.span(after.occurred_at, Span::ALWAYS).starts_at));
            }
        }
        for (window, starts_at) in windows {
            let place =
                [self.user_id, window.code(), starts_at.micros(), provider_id, operation_id];
            self.add(&COUNTERS, place, &moved)?;
        }
        self.add_to_models(provider_id, model_id, after.period_starts_at, &moved)?;
        let day = after.occurred_at.micros().div_euclid(DAY_US);
        self.add(&DAYS, [self.user_id, day, provider_id, model_id, operation_id], &moved)
    }

    /// Inserts a hold, or replaces the one with its key.
    pub(super) fn put_hold(&mut self, hold: &Hold) -> rusqlite::Result<()> {
        let sql = format!(
            "INSERT OR REPLACE INTO holds (user_id, {HOLD_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, \
             ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        );
        let usage = json(&hold.usage)?;
        let input_estimate = hold.input_estimate.as_ref().map(json).transpose()?;
        let provider_id = self.names.id(self.connection, Kind::Provider, &hold.provider)?;
        let operation_id =
            self.names.id(self.connection, Kind::Operation, hold.operation.as_str())?;
        let model_id = self.names.id(self.connection, Kind::Model, &hold.model)?;
        self.connection.prepare_cached(&sql)?.execute(params![
            self.user_id,
            hold.key.as_bytes(),
            provider_id,
            operation_id,
            model_id,
            hold.variant.code(),
            hold.call_count,
            usage,
            hold.cost.pico_usd(),
            hold.price_version_id,
            hold.price_match.code(),
            hold.reserved_at.micros(),
            hold.expires_at.micros(),
            hold.period_starts_at.micros(),
            hold.state.code(),
            input_estimate,
        ])?;
        Ok(())
    }

    /// Removes a hold that has become a call.
    pub(super) fn remove_hold(&self, key: CallKey) -> rusqlite::Result<()> {
        let sql = "DELETE FROM holds WHERE key = ?1 AND user_id = ?2";
        self.connection.prepare_cached(sql)?.execute(params![key.as_bytes(), self.user_id])?;
        Ok(())
    }

    /// Notes that a usage period has calls, and how its limits stand.
    pub(super) fn mark_period(&self, mark: &PeriodMark) -> rusqlite::Result<()> {
        let sql = "INSERT INTO usage_periods (user_id, starts_at_us, ends_at_us, usage_status, \
                   created_at_us, updated_at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?5) \
                   ON CONFLICT DO UPDATE SET ends_at_us = excluded.ends_at_us, \
                   usage_status = excluded.usage_status, updated_at_us = excluded.updated_at_us";
        self.put_period(sql, mark)
    }

    /// Marks a usage period unless it is marked.
    pub(super) fn touch_period(&self, mark: &PeriodMark) -> rusqlite::Result<()> {
        let sql = "INSERT INTO usage_periods (user_id, starts_at_us, ends_at_us, usage_status, \
                   created_at_us, updated_at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?5) \
                   ON CONFLICT DO NOTHING";
        self.put_period(sql, mark)
    }

    fn put_period(&self, sql: &str, mark: &PeriodMark) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(params![
            self.user_id,
            mark.span.starts_at.micros(),
            mark.span.ends_at.micros(),
            mark.usage_status.name(),
            mark.at.micros(),
        ])?;
        Ok(())
    }

    /// Begins to count short windows, with the next call.
    pub(super) fn track(&self, windows: &[Window], last_call_id: i64) -> rusqlite::Result<()> {
        for window in windows {
            let sql = match window {
                Window::Minute => {
                    "UPDATE users SET minute_since_call_id = ?2, revision = revision + 1 \
                     WHERE id = ?1 AND minute_since_call_id IS NULL"
                }
                Window::Hour => {
                    "UPDATE users SET hour_since_call_id = ?2, revision = revision + 1 \
                     WHERE id = ?1 AND hour_since_call_id IS NULL"
                }
                Window::Day => {
                    "UPDATE users SET day_since_call_id = ?2, revision = revision + 1 \
                     WHERE id = ?1 AND day_since_call_id IS NULL"
                }
                Window::Lifetime => {
                    "UPDATE users SET lifetime_since_call_id = ?2, revision = revision + 1 \
                     WHERE id = ?1 AND lifetime_since_call_id IS NULL"
                }
                Window::Period => continue,
            };
            self.connection.prepare_cached(sql)?.execute([self.user_id, last_call_id])?;
        }
        Ok(())
    }

    /// Adds a limit of the user's own.
    pub(super) fn add_override(&self, own: &LimitOverride) -> rusqlite::Result<()> {
        let sql = "INSERT INTO limit_overrides (user_id, kind, name, metric, provider, operation, \
                   \"window\", maximum, policy, thresholds, starts_at_us, ends_at_us, note) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        let limit = &own.limit;
        let thresholds = serde_json::to_string(&limit.thresholds)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.connection.prepare_cached(sql)?.execute(params![
            self.user_id,
            own.kind.name(),
            limit.name,
            limit.metric.name(),
            limit.provider,
            limit.operation.as_ref().map(Operation::as_str),
            limit.window.name(),
            limit.maximum.bound(),
            limit.policy.to_string(),
            thresholds,
            own.starts_at.micros(),
            own.ends_at.map(Timestamp::micros),
            own.note,
        ])?;
        self.revise()
    }

    /// Ends a limit of the user's own.
    pub(super) fn end_override(&self, id: i64, at: Timestamp) -> rusqlite::Result<()> {
        let sql = "UPDATE limit_overrides SET ends_at_us = ?3 WHERE id = ?1 AND user_id = ?2";
        self.connection.prepare_cached(sql)?.execute([id, self.user_id, at.micros()])?;
        self.revise()
    }

    /// Tells every connection that remembers the account to read it again.
    pub(super) fn revise(&self) -> rusqlite::Result<()> {
        let sql = "UPDATE users SET revision = revision + 1 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute([self.user_id]).map(|_| ())
    }
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
