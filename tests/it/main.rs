//! The integration tests, in one binary: it links once.
#![cfg(test)]

#[macro_use]
mod conformance;
mod edges;
mod fold;
mod golden;
mod memory;
mod model;
mod properties;
mod random;
mod regressions;
mod scene;
mod sqlite;
mod views;
