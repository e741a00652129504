//! Names: the numbers that stand for providers, operations, models and units in rows.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

/// A table of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Provider,
    Operation,
    Model,
    Unit,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Provider, Self::Operation, Self::Model, Self::Unit];

    const fn select_all(self) -> &'static str {
        match self {
            Self::Provider => "SELECT id, provider FROM providers",
            Self::Operation => "SELECT id, operation FROM operations",
            Self::Model => "SELECT id, model FROM models",
            Self::Unit => "SELECT id, unit FROM units",
        }
    }

    const fn insert(self) -> &'static str {
        match self {
            Self::Provider => "INSERT INTO providers (provider) VALUES (?1)",
            Self::Operation => "INSERT INTO operations (operation) VALUES (?1)",
            Self::Model => "INSERT INTO models (model) VALUES (?1)",
            Self::Unit => "INSERT INTO units (unit) VALUES (?1)",
        }
    }

    const fn select_id(self) -> &'static str {
        match self {
            Self::Provider => "SELECT id FROM providers WHERE provider = ?1",
            Self::Operation => "SELECT id FROM operations WHERE operation = ?1",
            Self::Model => "SELECT id FROM models WHERE model = ?1",
            Self::Unit => "SELECT id FROM units WHERE unit = ?1",
        }
    }

    const fn select_name(self) -> &'static str {
        match self {
            Self::Provider => "SELECT provider FROM providers WHERE id = ?1",
            Self::Operation => "SELECT operation FROM operations WHERE id = ?1",
            Self::Model => "SELECT model FROM models WHERE id = ?1",
            Self::Unit => "SELECT unit FROM units WHERE id = ?1",
        }
    }
}

/// Names and numbers that one connection has seen. They never change once they are committed,
/// so only a rolled-back transaction makes the cache wrong; then it is thrown away.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: [HashMap<String, i64>; 4],
    names: [HashMap<i64, String>; 4],
}

/// More names than this are not kept in memory at once.
const NAMES_MAX: usize = 50_000;

impl Names {
    /// All names that the file has.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut names = Self::default();
        for kind in Kind::ALL {
            let mut statement = connection.prepare(kind.select_all())?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                names.remember(kind, row.get(0)?, row.get_ref(1)?.as_str()?);
            }
        }
        Ok(names)
    }

    /// The number of a name, which is added when it is new.
    pub(super) fn id(
        &mut self,
        connection: &Connection,
        kind: Kind,
        name: &str,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.ids[kind as usize].get(name) {
            return Ok(*id);
        }
        let known = connection
            .prepare_cached(kind.select_id())?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => connection.prepare_cached(kind.insert())?.insert([name])?,
        };
        self.remember(kind, id, name);
        Ok(id)
    }

    /// The name of a number.
    pub(super) fn name(
        &mut self,
        connection: &Connection,
        kind: Kind,
        id: i64,
    ) -> rusqlite::Result<String> {
        if let Some(name) = self.names[kind as usize].get(&id) {
            return Ok(name.clone());
        }
        let name: String =
            connection.prepare_cached(kind.select_name())?.query_row([id], |row| row.get(0))?;
        self.remember(kind, id, &name);
        Ok(name)
    }

    fn remember(&mut self, kind: Kind, id: i64, name: &str) {
        let (ids, names) = (&mut self.ids[kind as usize], &mut self.names[kind as usize]);
        if ids.len() >= NAMES_MAX {
            ids.clear();
            names.clear();
        }
        ids.insert(name.to_owned(), id);
        names.insert(id, name.to_owned());
    }
}
