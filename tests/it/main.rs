//! The integration tests, in one binary: it links once.
#![cfg(test)]

mod billing;
#[macro_use]
mod conformance;
mod fold;
mod memory;
mod sqlite;
