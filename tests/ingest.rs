//! From what a host has to what a call used: the golden bodies, and laws over made-up input.

#[cfg(test)]
#[path = "ingest/golden.rs"]
mod golden;
#[cfg(test)]
#[path = "ingest/laws.rs"]
mod laws;
