//! The integration tests, in one binary: it links once.
#![cfg(test)]

#[macro_use]
mod conformance;
mod fold;
mod memory;
mod reliability;
mod sqlite;
