//! What is learned: rows that are read, folded by the rules and written, in the transaction of
//! the call that teaches.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::names::Kind;
use super::read::Session;
use super::write::{Writing, json};
use crate::ingest::{Calibration, Lesson, OutputSizes};
use crate::storage::{Learned, OfModel};

impl Writing<'_> {
    /// Folds in what a call teaches.
    pub(super) fn learn(&mut self, lesson: &Lesson) -> rusqlite::Result<()> {
        let provider_id = self.names.id(self.connection, Kind::Provider, &lesson.provider)?;
        let model_id = self.names.id(self.connection, Kind::Model, &lesson.model)?;
        if let Some((estimate, reported_tokens)) = &lesson.input {
            let known = calibration(self.connection, provider_id, model_id)?;
            let mut model = known.unwrap_or_default();
            if model.learn(estimate, *reported_tokens) {
                self.put_calibration(provider_id, model_id, model)?;
            }
        }
        if let Some(tokens) = lesson.output_tokens {
            let place = [self.user_id, provider_id, model_id];
            let mut sizes = output_sizes(self.connection, place)?.unwrap_or_default();
            sizes.observe(tokens);
            let text = json(&sizes)?;
            let sql = "INSERT OR REPLACE INTO output_sizes (user_id, provider_id, model_id, sizes) \
                       VALUES (?1, ?2, ?3, ?4)";
            let [user_id, provider_id, model_id] = place;
            let row = params![user_id, provider_id, model_id, text];
            self.connection.prepare_cached(sql)?.execute(row)?;
        }
        Ok(())
    }

    fn put_calibration(
        &self,
        provider_id: i64,
        model_id: i64,
        model: Calibration,
    ) -> rusqlite::Result<()> {
        let Calibration { calls, estimated_tokens, reported_tokens, words, characters } = model;
        let sql = "INSERT OR REPLACE INTO calibrations (provider_id, model_id, calls, \
                   estimated_tokens, reported_tokens, words, characters) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.connection.prepare_cached(sql)?.execute([
            provider_id,
            model_id,
            calls,
            estimated_tokens,
            reported_tokens,
            words,
            characters,
        ])?;
        Ok(())
    }
}

impl Session {
    /// What is known of a model, and of a user's answers from it.
    pub(super) fn learned(
        &mut self,
        user: &str,
        provider: &str,
        model: &str,
    ) -> rusqlite::Result<Learned> {
        let connection = &self.connection;
        let sql = "SELECT p.id, m.id, (SELECT id FROM users WHERE user = ?3) \
                   FROM providers p JOIN models m WHERE p.provider = ?1 AND m.model = ?2";
        let ids: Option<(i64, i64, Option<i64>)> = connection
            .prepare_cached(sql)?
            .query_row([provider, model, user], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((provider_id, model_id, user_id)) = ids else { return Ok(Learned::default()) };
        let outputs = match user_id {
            Some(user_id) => output_sizes(connection, [user_id, provider_id, model_id])?,
            None => None,
        };
        Ok(Learned { calibration: calibration(connection, provider_id, model_id)?, outputs })
    }

    /// What is known of all models, by provider and model.
    pub(super) fn calibrations(&mut self) -> rusqlite::Result<Vec<OfModel<Calibration>>> {
        let sql = "SELECT c.calls, c.estimated_tokens, c.reported_tokens, c.words, c.characters, \
                   p.provider, m.model FROM calibrations c \
                   JOIN providers p ON p.id = c.provider_id \
                   JOIN models m ON m.id = c.model_id ORDER BY p.provider, m.model";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &Row<'_>| {
            let learned = calibration_of(row)?;
            Ok(OfModel { provider: row.get(5)?, model: row.get(6)?, learned })
        };
        statement.query_map([], read)?.collect()
    }

    /// The sizes of a user's answers, by provider and model.
    pub(super) fn output_sizes(
        &mut self,
        user_id: i64,
    ) -> rusqlite::Result<Vec<OfModel<OutputSizes>>> {
        let sql = "SELECT o.sizes, p.provider, m.model FROM output_sizes o \
                   JOIN providers p ON p.id = o.provider_id JOIN models m ON m.id = o.model_id \
                   WHERE o.user_id = ?1 ORDER BY p.provider, m.model";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &Row<'_>| {
            let learned = sizes_of(row)?;
            Ok(OfModel { provider: row.get(1)?, model: row.get(2)?, learned })
        };
        statement.query_map([user_id], read)?.collect()
    }
}

fn calibration(
    connection: &Connection,
    provider_id: i64,
    model_id: i64,
) -> rusqlite::Result<Option<Calibration>> {
    let sql = "SELECT calls, estimated_tokens, reported_tokens, words, characters \
               FROM calibrations WHERE provider_id = ?1 AND model_id = ?2";
    connection.prepare_cached(sql)?.query_row([provider_id, model_id], calibration_of).optional()
}

fn calibration_of(row: &Row<'_>) -> rusqlite::Result<Calibration> {
    Ok(Calibration {
        calls: row.get(0)?,
        estimated_tokens: row.get(1)?,
        reported_tokens: row.get(2)?,
        words: row.get(3)?,
        characters: row.get(4)?,
    })
}

fn output_sizes(connection: &Connection, place: [i64; 3]) -> rusqlite::Result<Option<OutputSizes>> {
    let sql = "SELECT sizes FROM output_sizes \
               WHERE user_id = ?1 AND provider_id = ?2 AND model_id = ?3";
    connection.prepare_cached(sql)?.query_row(place, sizes_of).optional()
}

/// The sizes in the first column.
pub(super) fn sizes_of(row: &Row<'_>) -> rusqlite::Result<OutputSizes> {
    let text: String = row.get(0)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}
