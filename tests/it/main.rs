//! The integration tests, in one binary: it links once.
#![cfg(test)]

#[macro_use]
mod conformance;
mod docs;
mod edges;
mod examples;
mod fold;
mod golden;
mod house;
mod memory;
mod model;
mod properties;
mod random;
mod regressions;
mod reliability;
mod scene;
mod sqlite;
mod views;
