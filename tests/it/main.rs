//! The integration tests, in one binary: it links once.
#![cfg(test)]

#[macro_use]
mod conformance;
mod alerts;
mod fold;
mod memory;
mod reports;
mod sqlite;
