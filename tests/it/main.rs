//! The integration tests, in one binary: it links once.
#![cfg(test)]

#[macro_use]
mod conformance;
mod docs;
mod examples;
mod fold;
mod house;
mod memory;
mod sqlite;
