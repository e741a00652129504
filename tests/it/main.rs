//! The integration tests, in one binary: it links once.
#![cfg(test)]

#[macro_use]
mod conformance;
mod fold;
mod house;
mod memory;
mod sqlite;
