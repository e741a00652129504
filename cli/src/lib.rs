//! The `alwrity-metering` command as a library.

pub mod channel;
