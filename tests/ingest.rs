//! From what a host has to what a call used: the golden bodies, and laws over made-up input.

#[path = "ingest/golden.rs"]
mod golden;
#[path = "ingest/laws.rs"]
mod laws;
