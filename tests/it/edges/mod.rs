//! The edges: what is refused and how, and every option that changes an answer.

mod clock;
mod errors;
mod expired_holds;
mod files;
mod log;
mod names;
mod plans;
mod policies;
mod query;
mod refusals;
mod unknown_price;
mod windows;
mod writing;
