//! Forks: what a child must not inherit.
//!
//! A child has a copy of the parent's memory but none of its threads. It may neither use nor
//! close the parent's connections: closing would let go of the parent's locks and could delete
//! the parent's log. So it forgets them ([`PerProcess`]), closes their bare descriptors, and
//! opens its own when it first needs them. Guarded by `tests/faults/forking.rs`.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rusqlite::ffi;

use super::descriptors;

/// How many forks lie between this process and the one that installed the handlers.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The generation of this process; it differs between a parent and its child.
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// SQLite's static mutexes that are held only for moments, from the outermost inwards. One that
/// a vanished thread holds would stay locked in the child for ever.
const MUTEXES: [std::ffi::c_int; 9] = [
    ffi::SQLITE_MUTEX_STATIC_OPEN,
    ffi::SQLITE_MUTEX_STATIC_MAIN,
    ffi::SQLITE_MUTEX_STATIC_VFS1,
    ffi::SQLITE_MUTEX_STATIC_VFS2,
    ffi::SQLITE_MUTEX_STATIC_VFS3,
    ffi::SQLITE_MUTEX_STATIC_PRNG,
    ffi::SQLITE_MUTEX_STATIC_LRU,
    ffi::SQLITE_MUTEX_STATIC_PMEM,
    ffi::SQLITE_MUTEX_STATIC_MEM,
];

extern "C" fn prepare() {
    for mutex in MUTEXES {
        // SAFETY: static mutexes exist once SQLite is initialised, which `install` does first.
        unsafe { ffi::sqlite3_mutex_enter(ffi::sqlite3_mutex_alloc(mutex)) };
    }
}

extern "C" fn in_parent() {
    for mutex in MUTEXES.into_iter().rev() {
        // SAFETY: `prepare` has entered them in this thread.
        unsafe { ffi::sqlite3_mutex_leave(ffi::sqlite3_mutex_alloc(mutex)) };
    }
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    descriptors::close_all();
    in_parent();
}

/// Registers the handlers, once a process.
pub(super) fn install() {
    // SAFETY: initialising again does nothing. The handlers are async-signal-safe but for the
    // mutexes, which are momentary; they are never unregistered, and this library never
    // unloaded.
    unsafe {
        ffi::sqlite3_initialize();
        libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child));
    }
}

/// A value that every process makes for itself. A forked child starts with a new one and never
/// touches the parent's, whatever state that was in: locked, half-written, or owning threads
/// and connections.
pub(crate) struct PerProcess<T> {
    made: AtomicPtr<Made<T>>,
    owns: PhantomData<Box<T>>,
}

struct Made<T> {
    generation: u64,
    value: T,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self { made: AtomicPtr::new(std::ptr::null_mut()), owns: PhantomData }
    }

    /// This process's value, if it has made one.
    pub(crate) fn made(&self) -> Option<&T> {
        // SAFETY: a value is freed only when the whole is dropped, which nobody borrows then.
        let made = unsafe { self.made.load(Ordering::Acquire).as_ref() }?;
        (made.generation == generation()).then_some(&made.value)
    }
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// This process's value, made when there is none.
    pub(crate) fn get(&self) -> &T {
        loop {
            let was = self.made.load(Ordering::Acquire);
            if let Some(value) = self.made() {
                return value;
            }
            let fresh = Box::new(Made { generation: generation(), value: T::default() });
            let fresh = Box::into_raw(fresh);
            let put = self.made.compare_exchange(was, fresh, Ordering::AcqRel, Ordering::Acquire);
            if put.is_err() {
                // Another thread was first.
                // SAFETY: it was made above and never shown to anybody.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let made = *self.made.get_mut();
        if self.made().is_some() {
            // SAFETY: it was made by `get`, and nobody borrows it any more.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_value_is_made_once_a_process() {
        let value: PerProcess<Mutex<i32>> = PerProcess::new();
        assert!(value.made().is_none());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| *value.get().lock().unwrap() += 1);
            }
        });
        assert_eq!(*value.made().unwrap().lock().unwrap(), 8);
    }
}
