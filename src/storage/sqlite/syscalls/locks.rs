//! Locks of the main file: one descriptor a file that they are all taken and let go through; and
//! those of the log's index that are refused.

use std::collections::{HashMap, HashSet};
use std::ffi::c_int;
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, PoisonError};

use super::descriptors::{Kind, OwnFile, has_deleted_index, identity, is_deleted};
use super::fork::PerProcess;
use crate::storage::sqlite::file::Identity;

/// The locks of one file.
struct Locked {
    /// An open file description of our own, which nobody else closes.
    file: OwnFile,
    /// The descriptors of connections that have locked through it.
    members: HashSet<c_int>,
}

static LOCKED: PerProcess<Mutex<HashMap<Identity, Locked>>> = PerProcess::new();

/// The descriptor that a connection's locks are taken through. The connection's own when
/// there is no other to be had; then the lock fails or holds as long as that is open.
pub(super) fn descriptor_for(member: c_int) -> c_int {
    let Some(identity) = identity(member) else { return member };
    let mut locked = LOCKED.get().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(locked) = locked.get_mut(&identity) {
        locked.members.insert(member);
        return locked.file.as_raw_fd();
    }
    // Opened anew, and for writing too: the member may be open for reading alone, and a write
    // lock of another member would fail through a copy of it.
    let path = format!("/proc/self/fd/{member}");
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(&path);
    let Ok(file) = opened.or_else(|_| std::fs::File::open(&path)) else { return member };
    let file = OwnFile::new(file);
    let descriptor = file.as_raw_fd();
    locked.insert(identity, Locked { file, members: HashSet::from([member]) });
    descriptor
}

/// A connection's descriptor is about to be closed. With the last one the file is let go.
pub(super) fn forget(member: c_int) {
    let Some(identity) = identity(member) else { return };
    let mut locked = LOCKED.get().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(of_file) = locked.get_mut(&identity) {
        of_file.members.remove(&member);
        if of_file.members.is_empty() {
            locked.remove(&identity);
        }
    }
}

/// The bytes of the index by which SQLite locks the log, to add to it and to write it back.
const WRITE_LOCKS: RangeInclusive<libc::off_t> = 120..=121;

/// Whether a lock is one to write with, or to be the last one and delete the log, by an index
/// that was deleted. Whoever has opened the file since uses another index, and what is committed
/// there is not seen here.
/// Guarded by `whoever_has_a_deleted_index_closes_and_takes_nothing_away`.
pub(super) fn is_stranded(descriptor: c_int, kind: Kind, lock: &libc::flock) -> bool {
    let is_to_write = c_int::from(lock.l_type) == libc::F_WRLCK;
    match kind {
        Kind::Shm if is_to_write => WRITE_LOCKS.contains(&lock.l_start) && is_deleted(descriptor),
        // With the log there is no other reason for an exclusive lock than the end.
        Kind::Main if is_to_write => has_deleted_index(descriptor),
        _ => false,
    }
}

/// Marks a file as in use by its open file description; whether it is the only one. The mark is
/// a shared lock of its first byte, and ends with the file or the process.
pub(crate) fn in_use(file: &OwnFile) -> std::io::Result<bool> {
    let is_only = try_lock(file, libc::F_WRLCK)?;
    try_lock(file, libc::F_RDLCK)?;
    Ok(is_only)
}

fn try_lock(file: &OwnFile, kind: c_int) -> std::io::Result<bool> {
    // SAFETY: a lock is plain numbers, for which 0 is fine.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::c_short::try_from(kind).unwrap_or_default();
    lock.l_len = 1;
    // SAFETY: the file is open and the lock lives as long as the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } == 0 {
        return Ok(true);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(error),
    }
}
