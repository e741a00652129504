//! Commands: one file for each noun that they are about.

mod calls;
mod hold;
mod limits;
mod limits_text;
mod plans;
mod prices;
mod query;
mod quote;
mod re_rate;
mod record;
mod reference;
pub(crate) mod replay;
mod store;
mod subscribe;
mod usage;

use std::io::Write;

use clap::Subcommand;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the store, and add the plans and prices that it does not have yet
    Init(store::Init),
    /// Check the set-up, and that the ledger gives every counter; exit code 1 when not
    Verify,
    /// Replace every counter by what the ledger says
    Rebuild,
    /// Show the plans, or put plans from a file
    Plans(plans::Plans),
    /// Show the prices, or put new ones
    Prices(prices::Prices),
    /// Show where a user stands with every limit, or give it a limit of its own
    Limits(limits::Limits),
    /// Tell what a call would cost, without recording it
    Quote(quote::Quote),
    /// Put a user on a plan
    Subscribe(subscribe::Subscribe),
    /// Tell whether a call may be made; exit code 3 when refused
    Check(hold::Check),
    /// Keep a call's estimate free before it is made; exit code 3 when refused
    Reserve(hold::Reserve),
    /// Record what the call of a hold really used
    Settle(hold::Settle),
    /// Give a hold back: its call was not made
    Release(hold::Release),
    /// Record a call that was made
    Record(record::Record),
    /// Show what a user used in a period
    Usage(usage::Usage),
    /// Show a user's recorded calls, newest first
    Calls(calls::Calls),
    /// List the users that were ever seen
    Users,
    /// Show the calls whose cost is unknown
    Unpriced,
    /// Give unpriced calls their cost by the prices of now; changes nothing without `--apply`
    ReRate(re_rate::ReRate),
    /// Run one SQL statement that only reads
    Query(query::Query),
    /// Play a trace of calls, through the limits or straight into the ledger
    Replay(replay::Replay),
    /// List every error: name, number, HTTP status, meaning and hint
    Errors,
    /// List every option of the library
    Options,
    /// Print the completions of a shell
    Completions(reference::Completions),
}

impl Command {
    /// Does it. Only a worker of `replay` writes to `out` while it runs.
    pub(crate) fn run(self, context: &Context<'_>, out: &mut dyn Write) -> Result<Answer, Failure> {
        match self {
            Self::Init(args) => store::init(&args, context),
            Self::Verify => store::verify(context),
            Self::Rebuild => store::rebuild(context),
            Self::Plans(args) => plans::run(args, context),
            Self::Prices(args) => prices::run(args, context),
            Self::Limits(args) => limits::run(args, context),
            Self::Quote(args) => quote::run(args, context),
            Self::Subscribe(args) => subscribe::run(args, context),
            Self::Check(args) => hold::check(args, context),
            Self::Reserve(args) => hold::reserve(args, context),
            Self::Settle(args) => hold::settle(args, context),
            Self::Release(args) => hold::release(&args, context),
            Self::Record(args) => record::run(args, context),
            Self::Usage(args) => usage::run(&args, context),
            Self::Calls(args) => calls::run(args, context),
            Self::Users => usage::users(context),
            Self::Unpriced => re_rate::unpriced(context),
            Self::ReRate(args) => re_rate::run(&args, context),
            Self::Query(args) => query::run(&args, context),
            Self::Replay(args) => replay::run(&args, context, out),
            Self::Errors => reference::errors(context),
            Self::Options => reference::options(context),
            Self::Completions(args) => Ok(reference::completions(&args)),
        }
    }
}
