//! Engines: what all handles of one file in one process share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::catalogue;
use super::connection::{migrate, reader};
use super::events;
use super::failure::{failed, io_failed};
use super::file::{Identity, SideLock, prepare};
use super::queue::Queue;
use super::read::Session;
use super::writer::Writer;
use crate::domain::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::storage::{StoreOptions, Ticket, Work};

/// One file, open in this process.
pub(super) struct Engine {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) options: StoreOptions,
    pub(super) lock: SideLock,
    pub(super) queue: Queue,
    /// Connections that read and are not in use.
    readers: Mutex<Vec<Session>>,
    catalogue: RwLock<Option<(Arc<Catalogue>, Instant)>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// More idle readers than this are closed.
const IDLE_READERS_MAX: usize = 16;
/// How old a catalogue may be where a little age does no harm.
const CATALOGUE_AGE_MAX: Duration = Duration::from_secs(1);

/// The engines of this process, by the file's identity.
static ENGINES: Mutex<Option<HashMap<Identity, Vec<Weak<Handle>>>>> = Mutex::new(None);

/// What keeps an engine running; the writer itself holds the engine alone, so that the last
/// handle ends it.
pub(super) struct Handle {
    pub(super) engine: Arc<Engine>,
}

impl Handle {
    /// The engine of a file: the one that runs with the same options, or a new one.
    pub(super) fn open(path: &Path, options: StoreOptions) -> Result<Arc<Self>> {
        let path = std::path::absolute(path).map_err(io_failed("find the file"))?;
        prepare(&path, &options)?;
        let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
        let engines = engines.get_or_insert_default();
        engines.retain(|_, handles| {
            handles.retain(|handle| handle.strong_count() > 0);
            !handles.is_empty()
        });
        let missing = || Error::StorageReplaced { path: path.display().to_string() };
        let identity = Identity::of(&path)?.ok_or_else(missing)?;
        let running = engines.entry(identity).or_default();
        let same = running
            .iter()
            .filter_map(Weak::upgrade)
            .find(|handle| handle.engine.options == options && handle.engine.path == path);
        if let Some(handle) = same {
            return Ok(handle);
        }
        let handle = Arc::new(Self { engine: Arc::new(Engine::open(path, identity, options)?) });
        running.push(Arc::downgrade(&handle));
        Ok(handle)
    }
}

impl Drop for Handle {
    /// Finishes what waits, then closes: readers first, the writer last.
    fn drop(&mut self) {
        self.engine.queue.close();
        self.engine.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writer = self.engine.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.thread().id() != std::thread::current().id()
        {
            // A panic in the writer was logged when it happened.
            drop(writer.join());
        }
    }
}

impl Engine {
    fn open(path: PathBuf, identity: Identity, options: StoreOptions) -> Result<Self> {
        let lock = SideLock::open(&path)?;
        migrate(&path, &lock)?;
        events::opened(&path);
        let patience = Duration::from_millis(options.busy_timeout_ms);
        Ok(Self {
            identity,
            lock,
            queue: Queue::new(options.queue_capacity, patience),
            readers: Mutex::new(Vec::new()),
            catalogue: RwLock::new(None),
            writer: Mutex::new(None),
            options,
            path,
        })
    }

    /// Queues a work; the first one starts the writer.
    pub(super) fn submit(self: &Arc<Self>, work: Box<dyn Work>) -> Result<Ticket> {
        let (ticket, must_start) = self.queue.push(work)?;
        if must_start {
            let engine = Arc::clone(self);
            let started = std::thread::Builder::new()
                .name("alwrity-writer".to_owned())
                .spawn(move || Writer::new(engine).run())
                .map_err(io_failed("start the writer"))?;
            *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        }
        Ok(ticket)
    }

    /// Reads on a connection of its own, in one transaction.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        read: impl FnOnce(&mut Session) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.read_after(action, |_| Ok(None), read)
    }

    /// Reads by one statement that is a transaction of its own; when that finds nothing, in a
    /// transaction as `read` does.
    pub(super) fn read_after<T>(
        &self,
        action: &'static str,
        quick: impl FnOnce(&mut Session) -> rusqlite::Result<Option<T>>,
        read: impl FnOnce(&mut Session) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = match idle {
            Some(session) => session,
            None => Session::new(reader(&self.path)?).map_err(failed("read the names"))?,
        };
        if let Some(found) = quick(&mut session).map_err(failed(action))? {
            self.give_back(session);
            return Ok(found);
        }
        let run = |session: &mut Session, sql: &str| {
            session.connection.prepare_cached(sql)?.execute([]).map(|_| ())
        };
        run(&mut session, "BEGIN").map_err(failed(action))?;
        let found = read(&mut session);
        let ended = run(&mut session, "COMMIT");
        if found.is_ok() && ended.is_ok() {
            self.give_back(session);
        }
        found.map_err(failed(action))
    }

    fn give_back(&self, session: Session) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS_MAX {
            readers.push(session);
        }
    }

    /// The catalogue that is remembered, however old.
    pub(super) fn remembered_catalogue(&self) -> Option<Arc<Catalogue>> {
        let remembered = self.catalogue.read().unwrap_or_else(PoisonError::into_inner);
        remembered.as_ref().map(|(catalogue, _)| Arc::clone(catalogue))
    }

    /// The catalogue of a version: the one that is remembered, or read anew.
    pub(super) fn catalogue_at(
        &self,
        version: i64,
        connection: &Connection,
    ) -> rusqlite::Result<Arc<Catalogue>> {
        if let Some((known, _)) = &*self.catalogue.read().unwrap_or_else(PoisonError::into_inner)
            && known.version == version
        {
            return Ok(Arc::clone(known));
        }
        let loaded = Arc::new(catalogue::load(connection, &self.options.default_plan)?);
        self.remember_catalogue(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// The catalogue as it stood at most a second ago, if one is remembered.
    pub(super) fn young_catalogue(&self) -> Option<Arc<Catalogue>> {
        let remembered = self.catalogue.read().unwrap_or_else(PoisonError::into_inner);
        let (catalogue, at) = remembered.as_ref()?;
        (at.elapsed() < CATALOGUE_AGE_MAX).then(|| Arc::clone(catalogue))
    }

    /// Keeps a catalogue that is committed, and when it was seen to be current.
    pub(super) fn remember_catalogue(&self, catalogue: Arc<Catalogue>) {
        let mut remembered = self.catalogue.write().unwrap_or_else(PoisonError::into_inner);
        let is_newer =
            remembered.as_ref().is_none_or(|(known, _)| known.version <= catalogue.version);
        if is_newer {
            *remembered = Some((catalogue, Instant::now()));
        }
    }

    /// Forgets the catalogue: a transaction that changed it was rolled back.
    pub(super) fn forget_catalogue(&self) {
        *self.catalogue.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
