//! The rules: pure functions over plain values. No clock, no I/O, no randomness, no SQL.

pub mod money;
pub mod usage;
