//! The rules: pure functions over plain values. No clock, no I/O, no randomness, no SQL.

pub mod money;
pub(crate) mod name;
pub mod operation;
pub mod period;
pub mod price;
pub mod price_book;
pub mod rating;
pub mod time;
pub mod unit_tree;
pub mod usage;
