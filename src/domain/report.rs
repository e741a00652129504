//! Reports: what follows from counters and rollups alone, whatever the size of the log.

pub mod comparison;
pub mod hint;
pub mod projection;
pub mod response_time;
pub mod trend;
