//! Channels: what carries alerts out of the store, over HTTP or by mail.
//!
//! The core knows no network: it hands each alert to a [`Channel`](alwrity_metering::Channel) and
//! keeps what became of it. A host that has a channel of its own implements the trait.

mod mail;
mod webhook;

pub use mail::Mail;
pub use webhook::Webhook;
