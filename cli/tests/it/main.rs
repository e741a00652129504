//! Whole commands, as an operator types them: what they print, and how they end.
#![cfg(test)]

mod alert_commands;
mod alwrity;
mod bench;
mod call_commands;
mod catalogue_commands;
mod channels;
mod documents;
mod export_command;
mod frame;
mod hold_commands;
mod import_command;
mod import_reconciled;
mod import_sources;
mod ingest_commands;
mod invoice_commands;
mod limit_commands;
mod mail_server;
mod receiver;
mod replay_command;
mod replay_refusals;
mod report_commands;
mod retention_commands;
mod store_commands;
mod subscription_commands;
mod trace;
