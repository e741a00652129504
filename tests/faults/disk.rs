//! A disk that a test owns: it counts what SQLite asks of it, fails where it is told to, has as
//! much room as it is given, and remembers every write, so that a power cut can be replayed.
//!
//! SQLite's calls come through its table; `fsync`, which is not in it, through a function of that
//! name in this binary, which the linker prefers to the C library's.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::hooks;

/// What was asked of the disk.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Write {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        path: PathBuf,
        length: usize,
    },
    Unlink {
        path: PathBuf,
    },
    Sync {
        path: PathBuf,
    },
    /// A record of that key was acknowledged; told by the test.
    Acknowledged {
        key: String,
    },
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This call, once.
    Once,
    /// This call and all after it.
    FromHereOn,
    /// Half of a write is done, then it fails; other calls fail once.
    Torn,
}

#[derive(Default)]
struct Disk {
    /// Only calls on files below this are looked at.
    folder: Option<PathBuf>,
    calls: usize,
    fault: Option<(usize, Fault)>,
    /// Bytes that files may still grow by.
    room: Option<usize>,
    /// Files of that ending may not grow beyond so many bytes.
    cap: Option<(&'static str, usize)>,
    is_read_only: bool,
    is_recording: bool,
    steps: Vec<Step>,
}

static DISK: Mutex<Option<Disk>> = Mutex::new(None);

/// Whether each sync waits until this is false again.
static IS_STUCK: Mutex<bool> = Mutex::new(false);
static IS_FREE: Condvar = Condvar::new();
/// How many syncs wait.
static STUCK: AtomicUsize = AtomicUsize::new(0);

fn disk() -> MutexGuard<'static, Option<Disk>> {
    DISK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What SQLite called before, in the order of `NAMES`.
static BEFORE: [AtomicPtr<c_void>; 6] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 6];
const NAMES: [&CStr; 6] = [c"open", c"pread", c"pwrite", c"ftruncate", c"unlink", c"mmap"];

type Open = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;
type Read = unsafe extern "C" fn(c_int, *mut c_void, usize, libc::off_t) -> isize;
type Write = unsafe extern "C" fn(c_int, *const c_void, usize, libc::off_t) -> isize;
type Truncate = unsafe extern "C" fn(c_int, libc::off_t) -> c_int;
type Unlink = unsafe extern "C" fn(*const c_char) -> c_int;
type Map =
    unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, libc::off_t) -> *mut c_void;

/// Takes SQLite's calls over. The library must have put its own in place before.
pub(crate) fn install() {
    let own: [*const c_void; 6] = [
        open as *const c_void,
        read as *const c_void,
        write as *const c_void,
        truncate as *const c_void,
        unlink as *const c_void,
        map as *const c_void,
    ];
    for ((name, own), before) in NAMES.iter().zip(own).zip(&BEFORE) {
        before.store(hooks::put(name, own).cast_mut(), Ordering::Release);
    }
    *disk() = Some(Disk::default());
}

unsafe fn before<F: Copy>(place: usize) -> F {
    let pointer = BEFORE[place].load(Ordering::Acquire);
    // SAFETY: the caller names the type of that place.
    unsafe { std::mem::transmute_copy(&pointer) }
}

fn with<T>(change: impl FnOnce(&mut Disk) -> T) -> T {
    change(disk().as_mut().expect("it is installed"))
}

/// From now on the calls on files of the folder are counted; no fault is left.
pub(crate) fn watch(folder: &Path) {
    with(|disk| *disk = Disk { folder: Some(folder.to_owned()), ..Disk::default() });
}

/// Lets everything succeed again, in a folder that is watched on; how many calls there were.
pub(crate) fn mend() -> usize {
    with(|disk| {
        (disk.fault, disk.room, disk.cap, disk.is_read_only) = (None, None, None, false);
        disk.calls
    })
}

pub(crate) fn fail_at(call: usize, fault: Fault) {
    with(|disk| disk.fault = Some((call, fault)));
}

pub(crate) fn leave_room(bytes: usize) {
    with(|disk| disk.room = Some(bytes));
}

pub(crate) fn cap(ending: &'static str, bytes: usize) {
    with(|disk| disk.cap = Some((ending, bytes)));
}

/// Lets every sync hang, or go on.
pub(crate) fn stick(is_stuck: bool) {
    *IS_STUCK.lock().unwrap_or_else(PoisonError::into_inner) = is_stuck;
    IS_FREE.notify_all();
}

/// How many syncs hang.
pub(crate) fn stuck() -> usize {
    STUCK.load(Ordering::Acquire)
}

pub(crate) fn become_read_only() {
    with(|disk| disk.is_read_only = true);
}

pub(crate) fn record_steps() {
    with(|disk| disk.is_recording = true);
}

pub(crate) fn acknowledge(key: &str) {
    with(|disk| disk.steps.push(Step::Acknowledged { key: key.to_owned() }));
}

pub(crate) fn steps() -> Vec<Step> {
    with(|disk| std::mem::take(&mut disk.steps))
}

/// What is to become of a call.
enum Verdict {
    Pass,
    /// So many bytes are written, then it ends with this error, or short when 0.
    Stop {
        written: usize,
        code: c_int,
    },
}

/// Counts a call and judges it; nothing when the file is none of ours.
fn judge(path: &Path, growth: usize, length: usize) -> Verdict {
    let mut disk = disk();
    let Some(disk) = disk.as_mut() else { return Verdict::Pass };
    if !disk.folder.as_deref().is_some_and(|folder| path.starts_with(folder)) {
        return Verdict::Pass;
    }
    disk.calls += 1;
    if let Some(room) = &mut disk.room
        && growth > *room
    {
        let written = length - growth + *room;
        *room = 0;
        return Verdict::Stop { written, code: libc::ENOSPC };
    } else if let Some(room) = &mut disk.room {
        *room -= growth;
    }
    match disk.fault {
        Some((at, Fault::FromHereOn)) if disk.calls >= at => {
            Verdict::Stop { written: 0, code: libc::EIO }
        }
        Some((at, Fault::Once)) if disk.calls == at => {
            Verdict::Stop { written: 0, code: libc::EIO }
        }
        Some((at, Fault::Torn)) if disk.calls == at => {
            Verdict::Stop { written: length / 2, code: libc::EIO }
        }
        _ => Verdict::Pass,
    }
}

fn fail(code: c_int) -> c_int {
    // SAFETY: it is this thread's own number.
    unsafe { *libc::__errno_location() = code };
    -1
}

fn remember(step: Step) {
    if let Some(disk) = disk().as_mut()
        && disk.is_recording
    {
        disk.steps.push(step);
    }
}

fn is_named(path: &Path, ending: &str) -> bool {
    path.to_str().is_some_and(|path| path.ends_with(ending))
}

fn path_of(descriptor: c_int) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default()
}

unsafe fn named(path: *const c_char) -> PathBuf {
    // SAFETY: SQLite gives a C text.
    let path = unsafe { CStr::from_ptr(path) };
    PathBuf::from(std::ffi::OsStr::from_bytes(path.to_bytes()))
}

unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: as SQLite calls it.
    let file = unsafe { named(path) };
    let is_refused = disk().as_ref().is_some_and(|disk| {
        let is_ours = disk.folder.as_deref().is_some_and(|folder| file.starts_with(folder));
        disk.is_read_only && is_ours && flags & (libc::O_RDWR | libc::O_CREAT) != 0
    });
    if is_refused {
        return fail(libc::EROFS);
    }
    match judge(&file, 0, 0) {
        // SAFETY: as SQLite calls it.
        Verdict::Pass => unsafe { before::<Open>(0)(path, flags, mode) },
        Verdict::Stop { code, .. } => fail(code),
    }
}

unsafe extern "C" fn read(
    descriptor: c_int,
    bytes: *mut c_void,
    length: usize,
    offset: libc::off_t,
) -> isize {
    match judge(&path_of(descriptor), 0, 0) {
        // SAFETY: as SQLite calls it.
        Verdict::Pass => unsafe { before::<Read>(1)(descriptor, bytes, length, offset) },
        Verdict::Stop { code, .. } => fail(code) as isize,
    }
}

unsafe extern "C" fn write(
    descriptor: c_int,
    bytes: *const c_void,
    length: usize,
    offset: libc::off_t,
) -> isize {
    let path = path_of(descriptor);
    let start = usize::try_from(offset).unwrap();
    let size = std::fs::metadata(&path).map_or(0, |found| found.len());
    let growth = (start + length).saturating_sub(usize::try_from(size).unwrap());
    let cap = disk().as_ref().and_then(|disk| disk.cap);
    if cap.is_some_and(|(ending, most)| is_named(&path, ending) && start + length > most) {
        return fail(libc::ENOSPC) as isize;
    }
    let (length, code) = match judge(&path, growth.min(length), length) {
        Verdict::Pass => (length, 0),
        Verdict::Stop { written, code } => (written, code),
    };
    // SAFETY: as SQLite calls it, or less of it.
    let written = unsafe { before::<Write>(2)(descriptor, bytes, length, offset) };
    if code != 0 {
        return fail(code) as isize;
    }
    let Ok(done) = usize::try_from(written) else { return written };
    // SAFETY: so many bytes were just read from there.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), done) };
    remember(Step::Write { path, offset: start, bytes: bytes.to_vec() });
    written
}

unsafe extern "C" fn truncate(descriptor: c_int, length: libc::off_t) -> c_int {
    let path = path_of(descriptor);
    if let Verdict::Stop { code, .. } = judge(&path, 0, 0) {
        return fail(code);
    }
    remember(Step::Truncate { path, length: usize::try_from(length).unwrap() });
    // SAFETY: as SQLite calls it.
    unsafe { before::<Truncate>(3)(descriptor, length) }
}

unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: as SQLite calls it.
    let file = unsafe { named(path) };
    if let Verdict::Stop { code, .. } = judge(&file, 0, 0) {
        return fail(code);
    }
    remember(Step::Unlink { path: file });
    // SAFETY: as SQLite calls it.
    unsafe { before::<Unlink>(4)(path) }
}

unsafe extern "C" fn map(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    if let Verdict::Stop { code, .. } = judge(&path_of(descriptor), 0, 0) {
        fail(code);
        return libc::MAP_FAILED;
    }
    // SAFETY: as SQLite calls it.
    unsafe { before::<Map>(5)(address, length, protection, flags, descriptor, offset) }
}

/// The `fsync` of this whole binary. It reaches the real disk only where nothing is watched: no
/// power fails here but the one that is replayed.
#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    if disk().is_none() {
        // SAFETY: the call is passed on as it came.
        let code = unsafe { libc::syscall(libc::SYS_fsync, descriptor) };
        return c_int::try_from(code).unwrap_or(-1);
    }
    let path = path_of(descriptor);
    let stuck = IS_STUCK.lock().unwrap_or_else(PoisonError::into_inner);
    STUCK.fetch_add(1, Ordering::AcqRel);
    drop(IS_FREE.wait_while(stuck, |is_stuck| *is_stuck));
    STUCK.fetch_sub(1, Ordering::AcqRel);
    if let Verdict::Stop { code, .. } = judge(&path, 0, 0) {
        return fail(code);
    }
    remember(Step::Sync { path });
    0
}
