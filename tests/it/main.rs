//! The integration tests, in one binary: it links once.
#![cfg(test)]
#![allow(
    clippy::default_trait_access,
    clippy::duration_suboptimal_units,
    clippy::float_cmp,
    clippy::format_collect,
    clippy::needless_for_each,
    reason = "a test says what it means in the fewest words"
)]

mod billing;
#[macro_use]
mod conformance;
mod alerts;
mod docs;
mod edges;
mod examples;
mod fold;
mod golden;
mod house;
mod learning;
mod memory;
mod model;
mod properties;
mod random;
mod regressions;
mod reliability;
mod reports;
mod scene;
mod sqlite;
mod views;
