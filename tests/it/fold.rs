//! Counters and day rollups are a fold of the ledger, whatever the works were.

use alwrity_metering::storage::memory::MemoryStore;
use proptest::prelude::proptest;

use crate::conformance::steps::{USERS, assert_sums_are_the_fold, run, steps};
use crate::conformance::works::assert_verified;

proptest! {
    #[test]
    fn counters_are_a_fold_of_the_ledger(works in steps(1..=40)) {
        let store = MemoryStore::new("free");
        run(&store, 0, &works);
        for user in USERS {
            assert_sums_are_the_fold(&store, user);
        }
        assert_verified(&store);
    }
}
