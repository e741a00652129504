//! System calls: what SQLite may not do to our files, though it would by itself.
//!
//! SQLite locks with POSIX record locks, which the kernel drops as soon as *anybody* in the
//! process closes *any* descriptor of the file: a second SQLite (Python's `sqlite3`) or a plain
//! `open().read()` in our process then unlocks the database under us, deletes the log, and
//! acknowledged calls are lost in silence. So, for our files alone, the locks become those of an
//! open file description, which only their owner can let go ([`locks`]). Guarded by
//! `tests/faults/foreign.rs`, which also shows the loss without this.
//!
//! It also writes on by an index of the log (`-shm`) that was deleted, while everybody else uses
//! the new one, and at its end deletes the log with all of theirs: so then it gets no lock to write
//! with ([`locks::is_stranded`]).
//!
//! A process that forks leaves its child connections, locks and mutexes that are not the child's
//! to use; [`fork`] makes the child forget all of them.
//!
//! This folder is the only place of the library that is `unsafe`: it gives SQLite function
//! pointers (`xSetSystemCall`) and the C library fork handlers. Other databases that the host
//! opens with the same SQLite are not touched.

pub(super) mod descriptors;
pub(super) mod fork;
pub(super) mod locks;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi::{self, sqlite3_syscall_ptr};

use self::descriptors::Kind;

/// What stood in SQLite's table before us, in the order of [`HOOKS`]; it is called from ours.
static BEFORE: [AtomicPtr<c_void>; 6] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 6];

const OPEN: usize = 0;
const CLOSE: usize = 1;
const STAT: usize = 2;
const FSTAT: usize = 3;
const FCNTL: usize = 4;
const MMAP: usize = 5;

const NAMES: [&CStr; 6] = [c"open", c"close", c"stat", c"fstat", c"fcntl", c"mmap"];

type Open = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;
type Close = unsafe extern "C" fn(c_int) -> c_int;
type Stat = unsafe extern "C" fn(*const c_char, *mut libc::stat) -> c_int;
type Fstat = unsafe extern "C" fn(c_int, *mut libc::stat) -> c_int;
type Fcntl = unsafe extern "C" fn(c_int, c_int, ...) -> c_int;
type Mmap =
    unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, libc::off_t) -> *mut c_void;

/// Puts our calls into SQLite's table and the fork handlers in place. Before the first open of
/// a file of ours; again and again does nothing.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        fork::install();
        // SAFETY: the name is a C text; finding also initialises SQLite.
        let vfs = unsafe { ffi::sqlite3_vfs_find(c"unix".as_ptr()) };
        let hooks: [*const (); 6] = [
            open as *const (),
            close as *const (),
            stat as *const (),
            fstat as *const (),
            fcntl as *const (),
            mmap as *const (),
        ];
        // SAFETY: SQLite never frees its default file system.
        let Some(vfs_methods) = (unsafe { vfs.as_ref() }) else { return };
        let (Some(get), Some(set)) = (vfs_methods.xGetSystemCall, vfs_methods.xSetSystemCall)
        else {
            return;
        };
        for ((name, hook), before) in NAMES.iter().zip(hooks).zip(&BEFORE) {
            // SAFETY: SQLite hands out the pointer that it calls itself; it is kept as bare bits.
            let was: sqlite3_syscall_ptr = unsafe { get(vfs, name.as_ptr()) };
            let was = was.map_or(std::ptr::null_mut(), |call| call as *mut c_void);
            before.store(was, Ordering::Release);
            // SAFETY: each hook has the signature that SQLite calls this name with, see the
            // types above and `aSyscall` in its source. `fcntl` is variadic there: on Linux an
            // argument after the second is passed as a fixed one is, on every architecture that
            // Rust has there.
            unsafe {
                let hook = std::mem::transmute::<*const (), sqlite3_syscall_ptr>(hook);
                set(vfs, name.as_ptr(), hook);
            }
        }
    });
}

/// The call that stood at a place of the table, as a function of type `F`.
///
/// # Safety
/// `F` must be the type of the function of that place.
unsafe fn before<F: Copy>(place: usize) -> F {
    let pointer = BEFORE[place].load(Ordering::Acquire);
    // SAFETY: a function pointer of type `F` was stored there before our hook was installed.
    unsafe { std::mem::transmute_copy(&pointer) }
}

/// Opens, and notes what the descriptor is when the file is ours.
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: the types match; SQLite gives a C text.
    let (descriptor, name) =
        unsafe { (before::<Open>(OPEN)(path, flags, mode), CStr::from_ptr(path)) };
    if descriptor < 0 {
        return descriptor;
    }
    let Some(kind) = descriptors::kind_of(descriptor, name.to_bytes()) else { return descriptor };
    if descriptors::note(descriptor, kind) {
        return descriptor;
    }
    // Without a note its locks would be ones that anybody lets go: rather refuse.
    // SAFETY: the descriptor was opened here.
    unsafe {
        libc::close(descriptor);
        *libc::__errno_location() = libc::EMFILE;
    }
    -1
}

unsafe extern "C" fn close(descriptor: c_int) -> c_int {
    if descriptors::forget(descriptor) == Some(Kind::Main) {
        locks::forget(descriptor);
    }
    // SAFETY: the types match.
    unsafe { before::<Close>(CLOSE)(descriptor) }
}

unsafe extern "C" fn stat(path: *const c_char, found: *mut libc::stat) -> c_int {
    // SAFETY: the types match; SQLite gives a place for the answer.
    let code = unsafe { before::<Stat>(STAT)(path, found) };
    // SAFETY: as above.
    unsafe { estrange(code, found) }
}

unsafe extern "C" fn fstat(descriptor: c_int, found: *mut libc::stat) -> c_int {
    // SAFETY: the types match; SQLite gives a place for the answer.
    let code = unsafe { before::<Fstat>(FSTAT)(descriptor, found) };
    // SAFETY: as above.
    unsafe { estrange(code, found) }
}

/// Makes every file another one after a fork, in SQLite's eyes: it keeps a list of the files
/// that the process has locked, by device and inode, and the child's copy of that list tells of
/// locks and descriptors that only the parent has. Guarded by `tests/faults/forking.rs`.
///
/// # Safety
/// `found` is null or points to an answer of `stat`.
unsafe fn estrange(code: c_int, found: *mut libc::stat) -> c_int {
    // SAFETY: what the caller promises.
    if let (0, Some(found)) = (code, unsafe { found.as_mut() }) {
        found.st_dev = found.st_dev.wrapping_add(fork::generation() << 40);
    }
    code
}

/// Passes a call through, but locks our files by open file description.
unsafe extern "C" fn fcntl(descriptor: c_int, command: c_int, argument: *mut c_void) -> c_int {
    let lock_command = match command {
        libc::F_SETLK => Some(libc::F_OFD_SETLK),
        libc::F_SETLKW => Some(libc::F_OFD_SETLKW),
        libc::F_GETLK => Some(libc::F_OFD_GETLK),
        _ => None,
    };
    // SAFETY: the types match.
    let real = unsafe { before::<Fcntl>(FCNTL) };
    let (Some(lock_command), Some(kind)) = (lock_command, descriptors::look_up(descriptor)) else {
        // SAFETY: the call is passed on as it came.
        return unsafe { real(descriptor, command, argument) };
    };
    // SQLite locks the main file through one connection and unlocks it through another, which
    // POSIX allows; so one descriptor stands for all. It has one for `-shm` by itself.
    let target = match kind {
        Kind::Main => locks::descriptor_for(descriptor),
        Kind::Shm | Kind::Other => descriptor,
    };
    let lock = argument.cast::<libc::flock>();
    // SAFETY: the argument of a lock command is a lock.
    if locks::is_stranded(descriptor, kind, unsafe { &*lock }) {
        // SAFETY: it is this thread's own number.
        unsafe { *libc::__errno_location() = libc::EAGAIN };
        return -1;
    }
    // SAFETY: as above. The kernel refuses any owner but 0.
    unsafe {
        (*lock).l_pid = 0;
        real(target, lock_command, lock)
    }
}

/// Maps, but leaves the index of the log out of a child: the child's copy of the mapping would
/// keep the parent's open file, and with it the locks that a dead parent held, for as long as
/// the child lives.
unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    // SAFETY: the call is passed on as it came.
    let mapped =
        unsafe { before::<Mmap>(MMAP)(address, length, protection, flags, descriptor, offset) };
    if mapped != libc::MAP_FAILED && descriptors::look_up(descriptor).is_some() {
        // SAFETY: it was just mapped. A child never touches it: it forgets the connections.
        unsafe { libc::madvise(mapped, length, libc::MADV_DONTFORK) };
    }
    mapped
}
