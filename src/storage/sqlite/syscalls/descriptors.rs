//! Descriptors: which of this process's open files are ours, and what they are.
//!
//! A plain table of atomics: it is read while SQLite holds its mutexes, and in a forked child,
//! where nothing may be locked or allocated.

use std::collections::HashSet;
use std::ffi::{CString, c_int};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::fork::PerProcess;
use crate::storage::sqlite::file::Identity;

/// What an open file of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The database.
    Main,
    /// The index of its log, where most locks are.
    Shm,
    /// Its log, its journal, or the file of the lock beside it.
    Other,
}

/// Descriptors beyond this number are not used for our files.
const DESCRIPTORS_MAX: usize = 1 << 16;

static KINDS: [AtomicU8; DESCRIPTORS_MAX] = [const { AtomicU8::new(0) }; DESCRIPTORS_MAX];
/// One more than the largest descriptor that was ever noted.
static NOTED_TO: AtomicUsize = AtomicUsize::new(0);

/// The databases that are ours.
static OURS: PerProcess<Mutex<HashSet<Identity>>> = PerProcess::new();

/// From now on the file is ours. Never forgotten: of another file with the same number later,
/// the worst is that its locks are better ones.
pub(crate) fn claim(identity: Identity) {
    OURS.get().lock().unwrap_or_else(PoisonError::into_inner).insert(identity);
}

fn is_ours(identity: Option<Identity>) -> bool {
    let ours = OURS.get().lock().unwrap_or_else(PoisonError::into_inner);
    identity.is_some_and(|identity| ours.contains(&identity))
}

/// What a file is that was opened under that name; nothing when it is not ours.
pub(super) fn kind_of(descriptor: c_int, path: &[u8]) -> Option<Kind> {
    let beside = |suffix: &str| path.strip_suffix(suffix.as_bytes());
    let (main, kind) = match (beside("-shm"), beside("-wal"), beside("-journal")) {
        (Some(main), _, _) => (main, Kind::Shm),
        (_, Some(main), _) | (_, _, Some(main)) => (main, Kind::Other),
        _ => return is_ours(identity(descriptor)).then_some(Kind::Main),
    };
    let main = CString::new(main).ok()?;
    let found = rustix::fs::stat(main.as_c_str()).ok()?;
    is_ours(Some(Identity::from(&found))).then_some(kind)
}

/// The file behind a descriptor.
pub(super) fn identity(descriptor: c_int) -> Option<Identity> {
    // SAFETY: the descriptor is borrowed for this call alone, from SQLite, which has it open.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    rustix::fs::fstat(descriptor).ok().map(|found| Identity::from(&found))
}

/// Whether the file behind a descriptor has no name any more.
pub(super) fn is_deleted(descriptor: c_int) -> bool {
    // SAFETY: as above.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    rustix::fs::fstat(descriptor).is_ok_and(|found| found.st_nlink == 0)
}

/// Whether this process has the index of a database open, and it was deleted.
pub(super) fn has_deleted_index(main: c_int) -> bool {
    let named = |descriptor: c_int| std::fs::read_link(format!("/proc/self/fd/{descriptor}"));
    let Ok(main) = named(main) else { return false };
    let mut deleted = main.into_os_string();
    // As the kernel shows it.
    deleted.push("-shm (deleted)");
    let to = c_int::try_from(NOTED_TO.load(Ordering::Acquire)).unwrap_or(c_int::MAX);
    (0..to)
        .filter(|descriptor| look_up(*descriptor) == Some(Kind::Shm))
        .any(|descriptor| named(descriptor).is_ok_and(|name| name.as_os_str() == deleted))
}

fn place(descriptor: c_int) -> Option<&'static AtomicU8> {
    usize::try_from(descriptor).ok().and_then(|number| KINDS.get(number))
}

/// Notes what a descriptor is; false when its number is too large.
pub(super) fn note(descriptor: c_int, kind: Kind) -> bool {
    let Some(place) = place(descriptor) else { return false };
    let code = match kind {
        Kind::Main => 1,
        Kind::Shm => 2,
        Kind::Other => 3,
    };
    place.store(code, Ordering::Release);
    let number = usize::try_from(descriptor).unwrap_or_default();
    NOTED_TO.fetch_max(number + 1, Ordering::AcqRel);
    true
}

const fn kind(code: u8) -> Option<Kind> {
    match code {
        1 => Some(Kind::Main),
        2 => Some(Kind::Shm),
        3 => Some(Kind::Other),
        _ => None,
    }
}

/// What a descriptor is, if it is ours.
pub(super) fn look_up(descriptor: c_int) -> Option<Kind> {
    kind(place(descriptor)?.load(Ordering::Acquire))
}

/// Forgets a descriptor that is about to be closed; what it was.
pub(super) fn forget(descriptor: c_int) -> Option<Kind> {
    kind(place(descriptor)?.swap(0, Ordering::AcqRel))
}

/// A file of ours that SQLite does not open; a forked child closes it too.
#[derive(Debug)]
pub(crate) struct OwnFile(std::fs::File);

impl OwnFile {
    pub(crate) fn new(file: std::fs::File) -> Self {
        note(file.as_raw_fd(), Kind::Other);
        Self(file)
    }
}

impl std::ops::Deref for OwnFile {
    type Target = std::fs::File;

    fn deref(&self) -> &std::fs::File {
        &self.0
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        forget(self.0.as_raw_fd());
    }
}

/// Closes every descriptor of ours, in a child that was just forked: they are the parent's open
/// files, and whoever holds them holds the parent's locks. Only async-signal-safe calls.
pub(super) fn close_all() {
    let noted_to = NOTED_TO.swap(0, Ordering::AcqRel);
    for (number, kind) in KINDS.iter().enumerate().take(noted_to) {
        if kind.swap(0, Ordering::AcqRel) != 0
            && let Ok(descriptor) = c_int::try_from(number)
        {
            // SAFETY: it was noted as ours and is closed by nobody else: the child has no other
            // thread, and the objects that own it are forgotten (`PerProcess`).
            unsafe { libc::close(descriptor) };
        }
    }
}
