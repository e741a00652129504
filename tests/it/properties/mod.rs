//! Laws that hold for any input, each against a reference that is written another way.

pub(crate) mod ledger;
pub(crate) mod money;
pub(crate) mod periods;
pub(crate) mod rating;
