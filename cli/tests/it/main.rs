//! Whole commands, as an operator types them: what they print, and how they end.
#![cfg(test)]

mod bench;
mod call_commands;
mod catalogue_commands;
mod documents;
mod frame;
mod hold_commands;
mod limit_commands;
mod replay_command;
mod replay_refusals;
mod store_commands;
mod trace;
