//! Engines: what all handles of one file in one process share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::catalogue;
use super::connection::{Opening, migrate, reader};
use super::events;
use super::failure::{failed, in_file, io_failed};
use super::file::{Identity, Patience, SideLock, beside, prepare};
use super::queue::Queue;
use super::read::Session;
use super::syscalls::fork::PerProcess;
use super::syscalls::{self, descriptors};
use super::verify::check_after_unclean_end;
use super::writer::Writer;
use crate::domain::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::storage::{Check, StoreOptions, Ticket, Work};

/// One file, open in this process.
pub(super) struct Engine {
    pub(super) path: PathBuf,
    pub(super) options: StoreOptions,
    pub(super) lock: SideLock,
    pub(super) queue: Queue,
    /// What was found when it was opened after an end that was not clean.
    pub(super) unclean_end: Option<Check>,
    identity: Identity,
    /// The suffix of what was taken away beside the file: then nothing here can be trusted.
    lost: OnceLock<&'static str>,
    /// Connections that read and are not in use.
    readers: Mutex<Vec<Session>>,
    catalogue: RwLock<Option<(Arc<Catalogue>, Instant)>>,
    /// Tells when the writer has ended, once it has begun.
    writer: Mutex<Option<Receiver<()>>>,
}

/// More idle readers than this are closed.
const IDLE_READERS_MAX: usize = 16;
/// The name of the writer's thread.
const WRITER_NAME: &str = "alwrity-writer";
/// How old a catalogue may be where a little age does no harm.
const CATALOGUE_AGE_MAX: Duration = Duration::from_secs(1);

type Handles = HashMap<Identity, Vec<Weak<Handle>>>;

/// The handles of this process, by the file's identity.
static HANDLES: PerProcess<Mutex<Handles>> = PerProcess::new();

/// What keeps an engine running; the writer itself holds the engine alone, so that the last
/// handle ends it. In a process that was forked with the handle it opens an engine anew.
pub(super) struct Handle {
    path: PathBuf,
    identity: Identity,
    options: StoreOptions,
    running: PerProcess<OnceLock<Arc<Engine>>>,
}

impl Handle {
    /// The engine of a file: the one that runs with the same options, or a new one.
    pub(super) fn open(path: &Path, options: StoreOptions) -> Result<Arc<Self>> {
        let patience = Patience::of(&options);
        let path = std::path::absolute(path).map_err(io_failed("find the file"))?;
        prepare(&path, &options)?;
        syscalls::install();
        // Held while opening: threads open one at a time, and each file once.
        let mut handles = HANDLES.get().lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|_, of_file| {
            of_file.retain(|handle| handle.strong_count() > 0);
            !of_file.is_empty()
        });
        let identity = Identity::of(&path)?.ok_or_else(|| replaced(&path))?;
        let of_file = handles.entry(identity).or_default();
        let same = of_file
            .iter()
            .filter_map(Weak::upgrade)
            .find(|handle| handle.options == options && handle.path == path && handle.is_trusted());
        if let Some(handle) = same {
            return Ok(handle);
        }
        let handle = Arc::new(Self { path, identity, options, running: PerProcess::new() });
        handle.start(patience)?;
        of_file.push(Arc::downgrade(&handle));
        Ok(handle)
    }

    /// The engine of this process.
    pub(super) fn engine(&self) -> Result<&Arc<Engine>> {
        match self.running.get().get() {
            Some(engine) => Ok(engine),
            None => self.start(Patience::of(&self.options)),
        }
    }

    fn start(&self, patience: Patience) -> Result<&Arc<Engine>> {
        let engine = Engine::open(&self.path, self.identity, self.options.clone(), patience)?;
        // When two threads of a child come at once, the engine of one is not used.
        Ok(self.running.get().get_or_init(|| Arc::new(engine)))
    }

    fn is_trusted(&self) -> bool {
        let engine = self.running.made().and_then(OnceLock::get);
        engine.is_some_and(|engine| engine.lost.get().is_none())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(engine) = self.running.made().and_then(OnceLock::get) {
            engine.end();
        }
    }
}

impl Engine {
    fn open(
        path: &Path,
        identity: Identity,
        options: StoreOptions,
        patience: Patience,
    ) -> Result<Self> {
        descriptors::claim(identity);
        let lock = SideLock::open(path)?;
        let opening = migrate(path, identity, &lock, patience)?;
        events::opened(path);
        let mut engine = Self {
            identity,
            lock,
            queue: Queue::new(
                options.queue_capacity,
                Duration::from_millis(options.busy_timeout_ms),
            ),
            unclean_end: None,
            lost: OnceLock::new(),
            readers: Mutex::new(Vec::new()),
            catalogue: RwLock::new(None),
            writer: Mutex::new(None),
            options,
            path: path.to_owned(),
        };
        if opening == Opening::AfterUncleanEnd {
            engine.unclean_end = Some(check_after_unclean_end(&engine)?);
        }
        Ok(engine)
    }

    /// Finishes what waits, then closes: readers first, the writer last. It does not wait for a
    /// writer that gets nowhere, because a stopped process has the lock.
    fn end(&self) {
        self.queue.close();
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(ended) = writer else { return };
        if std::thread::current().name() == Some(WRITER_NAME) {
            return;
        }
        let patience = Duration::from_millis(self.options.busy_timeout_ms);
        let mut left = self.queue.len();
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(patience) {
            let now_left = self.queue.len();
            if now_left == left {
                events::closed_with_works(left);
                return;
            }
            left = now_left;
        }
    }

    /// Queues a work; the first one starts the writer.
    pub(super) fn submit(self: &Arc<Self>, work: Box<dyn Work>) -> Result<Ticket> {
        self.submit_until(work, self.queue.deadline())
    }

    /// Queues a work, waiting for room until then.
    pub(super) fn submit_until(
        self: &Arc<Self>,
        work: Box<dyn Work>,
        until: Instant,
    ) -> Result<Ticket> {
        let (ticket, must_start) = self.queue.push(work, until)?;
        if must_start && let Err(error) = self.start_writer() {
            self.queue.cancel(ticket);
            return Err(error);
        }
        Ok(ticket)
    }

    /// Queues several works together, or one by one where the queue has no room for all of them:
    /// then the writer has to make some, so it is started first. They share one patience.
    /// Guarded by `more_records_than_the_queue_holds_are_recorded`.
    pub(super) fn submit_all(self: &Arc<Self>, works: Vec<Box<dyn Work>>) -> Vec<Result<Ticket>> {
        let (tickets, must_start) = match self.queue.push_all(works) {
            Ok(pushed) => pushed,
            Err(works) => {
                let until = self.queue.deadline();
                return works.into_iter().map(|work| self.submit_until(work, until)).collect();
            }
        };
        let error = if must_start { self.start_writer().err() } else { None };
        let started = |ticket| match &error {
            None => Ok(ticket),
            Some(error) => {
                self.queue.cancel(ticket);
                Err(error.clone())
            }
        };
        tickets.into_iter().map(started).collect()
    }

    fn start_writer(self: &Arc<Self>) -> Result<()> {
        let engine = Arc::clone(self);
        let (alive, ended) = sync_channel(0);
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        let started = std::thread::Builder::new().name(WRITER_NAME.to_owned()).spawn(move || {
            // Dropped at the end, also of a panic.
            let _alive = alive;
            Writer::new(engine).run();
        });
        started.map(drop).map_err(|error| {
            self.queue.start_again();
            io_failed("start the writer")(error)
        })
    }

    /// Whether the name still stands for the file that was opened, with the log beside it.
    pub(super) fn check_identity(&self) -> Result<()> {
        if let Some(suffix) = self.lost.get() {
            return Err(replaced(&beside(&self.path, suffix)));
        }
        if Identity::of(&self.path)? == Some(self.identity) {
            return Ok(());
        }
        Err(replaced(&self.path))
    }

    /// The log or its index was taken away under us: nothing is written or read here any more.
    pub(super) fn lose(&self, suffix: &'static str) -> Error {
        replaced(&beside(&self.path, self.lost.get_or_init(|| suffix)))
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
        self.check_identity()?;
        let patience = Patience::of(&self.options);
        self.read_unchecked(action, quick, read)
            .map_err(|error| in_file(patience.measured(error), &self.path))
    }

    fn read_unchecked<T>(
        &self,
        action: &'static str,
        quick: impl FnOnce(&mut Session) -> rusqlite::Result<Option<T>>,
        read: impl FnOnce(&mut Session) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = match idle {
            Some(session) => session,
            None => Session::new(reader(&self.path, &self.options)?)
                .map_err(failed("read the names"))?,
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

fn replaced(path: &Path) -> Error {
    Error::StorageReplaced { path: path.display().to_string() }
}
