//! Hooks: SQLite's table of system calls, as a test changes it in its own process.

use std::ffi::{CStr, c_void};

use rusqlite::ffi::{self, sqlite3_syscall_ptr};

/// Puts back what SQLite has by itself under a name.
pub(crate) fn reset(name: &CStr) {
    put(name, std::ptr::null());
}

/// Puts a function under a name, and gives the one that was there; it must have the type that
/// SQLite calls there.
pub(crate) fn put(name: &CStr, function: *const c_void) -> *const c_void {
    // SAFETY: the default file system lives for ever; null puts back the default.
    unsafe {
        let vfs = ffi::sqlite3_vfs_find(c"unix".as_ptr());
        let before = (*vfs).xGetSystemCall.unwrap()(vfs, name.as_ptr());
        let function = std::mem::transmute::<*const c_void, sqlite3_syscall_ptr>(function);
        let code = (*vfs).xSetSystemCall.unwrap()(vfs, name.as_ptr(), function);
        assert_eq!(code, ffi::SQLITE_OK, "{name:?}");
        std::mem::transmute::<sqlite3_syscall_ptr, *const c_void>(before)
    }
}
