//! The suite over the SQLite store.

use alwrity_metering::storage::StoreOptions;
use alwrity_metering::storage::sqlite::SqliteStore;
use alwrity_metering::{Options, Synchronous};

conformance!(suite, |folder| {
    let options =
        StoreOptions::from(&Options { synchronous: Synchronous::Normal, ..Options::default() });
    SqliteStore::open(&folder.join("store.db"), options).unwrap()
});
