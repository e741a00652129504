//! Cases that must hold: each was a real defect of the system before this one, or of a
//! well-known one in this field. All go through the public API and a real file.

pub(crate) mod counting;
pub(crate) mod enforcement;
pub(crate) mod holds;
pub(crate) mod money;
pub(crate) mod processes;
pub(crate) mod time;
