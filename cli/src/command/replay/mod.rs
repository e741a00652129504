//! Replay: playing a trace of real calls through the library, as if users made them.
//!
//! The trace is a CSV file, one call a row, rows counted from 0 below the head. The trace is moved
//! in time so that its first call is at `--start`; row i goes to `user-(i mod users)`; its
//! idempotency key is `FILE NAME:i`, so that playing it again changes nothing. With several jobs,
//! job j takes the rows with ⌊i ÷ users⌋ mod jobs = j: every user meets every job.

mod jobs;
mod play;
mod tally;
mod trace;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use alwrity_metering::{Meter, Subscribe, Timestamp};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use self::jobs::Message;
use self::play::Player;
use self::tally::{Summary, Tally};
use self::trace::{Columns, Trace};
use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::retry::retried;

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The trace: a CSV file with a head, one call a row
    trace: PathBuf,
    /// How many users the calls are given to: row i, counted from 0, is of `user-(i mod users)`
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    users: u64,
    /// The plan that those users are subscribed to, from the first call on [default: none]
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// Who is paid
    #[arg(long, value_name = "PROVIDER")]
    provider: String,
    /// The model
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// What is done; without it, what the catalogue says
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// The column of the time: RFC 3339, or `YYYY-MM-DD HH:MM:SS.ffffff` in UTC
    #[arg(long, value_name = "NAME", default_value = "TIMESTAMP")]
    time_column: String,
    /// The column of the input tokens
    #[arg(long, value_name = "NAME", default_value = "ContextTokens")]
    input_column: String,
    /// The column of the output tokens
    #[arg(long, value_name = "NAME", default_value = "GeneratedTokens")]
    output_column: String,
    /// When the first call is made: the trace is moved there [default: when it was made]
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Reserve each call for its own counts before it is settled; a refused one is not recorded
    #[arg(long)]
    enforce: bool,
    /// How many processes share the work
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: u64,
    /// List the refused rows in the answer
    #[arg(long, requires = "enforce")]
    list_refusals: bool,
    /// Write the refused rows to a CSV file: `row,user,limit,input_tokens,output_tokens`
    #[arg(long, value_name = "FILE", requires = "enforce")]
    refusals_to: Option<PathBuf>,
}

/// The part of a replay that one job does: job `job` of `jobs`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    job: u64,
    jobs: u64,
}

impl Share {
    const WHOLE: Self = Self { job: 0, jobs: 1 };

    /// Whether a row is in this part.
    fn contains(self, row: u64, users: u64) -> bool {
        (row / users.max(1)) % self.jobs.max(1) == self.job
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.job, self.jobs)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(job, jobs)| {
            Some(Self { job: job.parse().ok()?, jobs: jobs.parse().ok()? })
        });
        parts.filter(|share| share.job < share.jobs).ok_or("expected `J/N`, J from 0".to_owned())
    }
}

pub(crate) fn run(
    args: &Replay,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let columns = Columns {
        time: args.time_column.clone(),
        input: args.input_column.clone(),
        output: args.output_column.clone(),
    };
    let trace = Trace::read(&args.trace, &columns, args.start)?;
    let meter = context.open()?;
    match context.global.worker {
        Some(share) => work(args, &trace, &meter, share, out),
        None => lead(args, &trace, meter, context),
    }
}

/// What a worker does: its share, told to the leading process line by line.
fn work(
    args: &Replay,
    trace: &Trace,
    meter: &Meter,
    share: Share,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let mut player = Player::new(args, trace, meter);
    player.play(share, &mut |rows| Message::Progress { rows }.send(out))?;
    let text = Message::Done { tally: player.tally }.line()?;
    Ok(Answer { text, exit: crate::answer::Exit::Done, warnings: Vec::new() })
}

/// What the leading process does: subscribe the users, play or have it played, and sum up.
fn lead(
    args: &Replay,
    trace: &Trace,
    meter: Meter,
    context: &Context<'_>,
) -> Result<Answer, Failure> {
    subscribe(args, trace, &meter)?;
    let bar = progress_bar(trace, context);
    let started = Instant::now();
    let outcome = if args.jobs == 1 {
        let mut player = Player::new(args, trace, &meter);
        player
            .play(Share::WHOLE, &mut |rows| {
                bar.inc(rows);
                Ok(())
            })
            .map(|()| player.tally)
    } else {
        drop(meter);
        jobs::play(args.jobs, context, &bar)
    };
    let elapsed = started.elapsed();
    bar.finish_and_clear();
    let mut tally = outcome?;
    tally.refusals.sort_by_key(|refusal| refusal.row);
    if let Some(path) = &args.refusals_to {
        tally::write_refusals(path, &tally.refusals)?;
    }
    let summary = Summary::new(tally, trace.rows.len(), elapsed, args.list_refusals);
    Answer::new(context, &summary, || show(&summary, context))
}

/// Subscribes the users that get a row, from the first call on. Doing so again changes nothing.
fn subscribe(args: &Replay, trace: &Trace, meter: &Meter) -> Result<(), Failure> {
    let (Some(plan), Some(starts_at)) = (&args.plan, trace.starts_at()) else { return Ok(()) };
    let subscribe = Subscribe {
        anchor: Some(starts_at),
        starts_at: Some(starts_at),
        ..Subscribe::monthly(plan).waived("replay")
    };
    let users = args.users.min(u64::try_from(trace.rows.len()).unwrap_or(u64::MAX));
    for user in 0..users {
        retried(|| meter.subscribe(&play::user_of(user, users), &subscribe))?;
    }
    Ok(())
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(trace: &Trace, context: &Context<'_>) -> ProgressBar {
    if !context.shows_progress {
        return ProgressBar::hidden();
    }
    let form = "{bar:30} {pos}/{len} calls, {eta} left";
    let style = ProgressStyle::with_template(form);
    let bar = ProgressBar::new(u64::try_from(trace.rows.len()).unwrap_or(u64::MAX))
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn show(summary: &Summary, context: &Context<'_>) -> String {
    let Tally { recorded, duplicates, refused, unpriced, .. } = summary.tally;
    let Tally { input_tokens, output_tokens, cost_usd, .. } = summary.tally;
    let facts = context.facts([
        ("recorded", recorded.to_string()),
        ("duplicates", duplicates.to_string()),
        ("refused", refused.to_string()),
        ("unpriced", unpriced.to_string()),
        ("input_tokens", input_tokens.to_string()),
        ("output_tokens", output_tokens.to_string()),
        ("cost_usd", cost_usd.to_string()),
        ("elapsed_s", summary.elapsed_s.to_string()),
        ("calls_per_s", summary.calls_per_s.to_string()),
    ]);
    match &summary.refusals {
        Some(refusals) if !refusals.is_empty() => {
            format!("{facts}\n\n{}", tally::refusals_text(refusals, context))
        }
        _ => facts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_part_the_rows_and_every_user_meets_every_job() {
        let (users, jobs) = (5, 3);
        for user in 0..users {
            for job in 0..jobs {
                let share = Share { job, jobs };
                assert!((0..60).any(|row| row % users == user && share.contains(row, users)));
            }
        }
        for row in 0..100 {
            let takers = (0..jobs).filter(|job| Share { job: *job, jobs }.contains(row, users));
            assert_eq!(takers.count(), 1, "row {row}");
        }
    }

    #[test]
    fn a_share_is_read_as_it_is_shown() {
        assert_eq!("2/4".parse::<Share>().unwrap().to_string(), "2/4");
        for text in ["4/4", "1", "a/b", "-1/2"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
