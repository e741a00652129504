//! Commands: one file for each noun that they are about.

mod alerts;
mod calls;
mod compare;
mod dashboard;
mod detect;
mod estimate;
mod export;
mod extract;
mod hold;
mod import_alwrity;
mod invoice;
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
mod retention;
mod store;
mod subscription;
mod trends;
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
    /// Tell who was called and what for, by a URL, a model's name or an answer
    Detect(detect::Detect),
    /// Tell what a saved answer says was used
    Extract(extract::Extract),
    /// Tell what a text or a request will probably use and cost
    Estimate(estimate::Estimate),
    /// Show what was learned of models from calls that were estimated and then reported
    Calibrations,
    /// Put a user on a plan
    Subscribe(subscription::Subscribe),
    /// Make a change happen that waits for its payment
    Confirm(subscription::Confirm),
    /// Pay one fee: for the running period, or for one more
    Renew(subscription::Renew),
    /// Go over to a dearer plan at once
    Upgrade(subscription::Upgrade),
    /// Go over to a cheaper plan when the billing period ends
    Downgrade(subscription::Downgrade),
    /// Pay by the year from the running month on, or by the month when the year ends
    ChangeCycle(subscription::ChangeCycle),
    /// End a subscription when the billing period ends, or now
    Cancel(subscription::Cancel),
    /// Take back a change that is scheduled or waits for its payment
    Withdraw(subscription::OfUser),
    /// Note that a payment is late
    PastDue(subscription::PastDue),
    /// Grant nothing until `resume`
    Suspend(subscription::OfUser),
    /// End a suspension
    Resume(subscription::OfUser),
    /// Tell what a change would do and cost, without doing it
    Preview(subscription::Preview),
    /// Show how a subscription stands, and what has happened to it
    History(subscription::History),
    /// Show an invoice or its draft, or finalize, void or pay one
    Invoice(invoice::Invoice),
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
    /// Show a user's running period at one glance: use, limits, projections and alerts
    Dashboard(dashboard::Dashboard),
    /// Show what a user used month by month, or day by day
    Trends(trends::Trends),
    /// Show a user's providers and models side by side
    Compare(compare::Compare),
    /// Show what a user's calls would have cost on cheaper models
    Hints(compare::Hints),
    /// Show a user's alerts, mark them, and send them on their way
    Alerts(alerts::Alerts),
    /// Write all calls or day rollups to a file
    Export(export::Export),
    /// List the users that were ever seen
    Users,
    /// Show the calls whose cost is unknown
    Unpriced,
    /// Give unpriced calls their cost by the prices of now; changes nothing without `--apply`
    ReRate(re_rate::ReRate),
    /// Remove old calls whose sums stay; changes nothing without `--apply`
    Prune(retention::Prune),
    /// Print everything that is kept about a user, as JSON
    ExportUser(retention::ExportUser),
    /// Take a user's identity and texts out of the file; the numbers stay
    EraseUser(retention::EraseUser),
    /// Run one SQL statement that only reads
    Query(query::Query),
    /// Play a trace of calls, through the limits or straight into the ledger
    Replay(replay::Replay),
    /// Take over what ALwrity's own metering recorded, and compare its numbers with ours
    ImportAlwrity(import_alwrity::ImportAlwrity),
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
            Self::Detect(args) => detect::run(&args, context),
            Self::Extract(args) => extract::run(&args, context),
            Self::Estimate(args) => estimate::run(args, context),
            Self::Calibrations => estimate::calibrations(context),
            Self::Subscribe(args) => subscription::subscribe(args, context),
            Self::Confirm(args) => subscription::confirm(args, context),
            Self::Renew(args) => subscription::renew(args, context),
            Self::Upgrade(args) => subscription::upgrade(args, context),
            Self::Downgrade(args) => subscription::downgrade(&args, context),
            Self::ChangeCycle(args) => subscription::change_cycle(args, context),
            Self::Cancel(args) => subscription::cancel(&args, context),
            Self::Withdraw(args) => subscription::withdraw(&args, context),
            Self::PastDue(args) => subscription::past_due(&args, context),
            Self::Suspend(args) => subscription::suspend(&args, context),
            Self::Resume(args) => subscription::resume(&args, context),
            Self::Preview(args) => subscription::preview(args, context),
            Self::History(args) => subscription::history(&args, context),
            Self::Invoice(args) => invoice::run(args, context),
            Self::Check(args) => hold::check(args, context),
            Self::Reserve(args) => hold::reserve(args, context),
            Self::Settle(args) => hold::settle(args, context),
            Self::Release(args) => hold::release(&args, context),
            Self::Record(args) => record::run(args, context),
            Self::Usage(args) => usage::run(&args, context),
            Self::Calls(args) => calls::run(args, context),
            Self::Dashboard(args) => dashboard::run(&args, context),
            Self::Trends(args) => trends::run(&args, context),
            Self::Compare(args) => compare::run(&args, context),
            Self::Hints(args) => compare::hints(&args, context),
            Self::Alerts(args) => alerts::run(args, context),
            Self::Export(args) => export::run(&args, context, out),
            Self::Users => usage::users(context),
            Self::Unpriced => re_rate::unpriced(context),
            Self::ReRate(args) => re_rate::run(&args, context),
            Self::Prune(args) => retention::prune(&args, context),
            Self::ExportUser(args) => retention::export_user(&args, context),
            Self::EraseUser(args) => retention::erase_user(&args, context),
            Self::Query(args) => query::run(&args, context),
            Self::Replay(args) => replay::run(&args, context, out),
            Self::ImportAlwrity(args) => import_alwrity::run(&args, context),
            Self::Errors => reference::errors(context),
            Self::Options => reference::options(context),
            Self::Completions(args) => Ok(reference::completions(&args)),
        }
    }
}
