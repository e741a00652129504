//! Whole commands, as an operator types them: what they print, and how they end.

mod channels;
mod mail_server;
mod receiver;
