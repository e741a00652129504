//! The rules: pure functions over plain values. No clock, no I/O, no randomness, no SQL.

pub mod account;
pub mod alert;
pub mod call;
pub mod catalogue;
pub mod catalogue_file;
pub mod counter;
pub mod histogram;
pub mod hold;
pub mod key;
pub mod limit;
pub mod money;
pub(crate) mod name;
mod named;
pub mod operation;
pub mod period;
pub mod plan;
pub mod price;
pub mod price_book;
pub mod rating;
pub mod redact;
pub mod report;
pub mod subscription;
pub mod time;
pub mod unit_tree;
pub mod usage;
