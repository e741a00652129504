//! The C library of alwrity-metering: the verbs of the core behind a plain C interface.
//!
//! The contract is docs/c-abi.md; `include/alwrity_metering.h` is made from these files. Every
//! function believes its caller once ([`caller::Promise`]), checks and copies what it is given,
//! asks the core, and writes its outputs at the end; [`answer::done`] turns errors and panics into
//! statuses. Only `caller.rs` follows pointers.
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(unsafe_code, reason = "C asks for names that are not mangled, and for belief")]
#![allow(non_camel_case_types, reason = "types have the names that C knows")]
#![allow(clippy::missing_safety_doc, reason = "docs/c-abi.md is the contract of all of them")]

pub mod alert;
pub mod answer;
pub mod call;
pub(crate) mod caller;
pub mod catalogue;
pub mod codes;
pub mod estimate;
pub mod hold;
pub mod ingest;
pub mod invoice;
pub mod limit;
pub mod log;
pub mod meter;
pub mod options;
pub mod proof;
pub mod query;
pub mod receipt;
pub mod record;
pub mod report;
pub mod request;
pub mod retention;
pub mod status;
pub mod subscription;
pub mod text;
