//! Jobs: worker processes that share a replay.
//!
//! A worker is this same command with the same arguments and `--worker J/N` before them. It tells
//! the leading process what it has done in lines of JSON on its standard output: any number of
//! `progress`, then one `done`. On its standard error it says why it failed.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use super::Share;
use super::tally::Tally;
use crate::context::Context;
use crate::failure::Failure;

/// What a worker tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(super) enum Message {
    /// More rows are done.
    Progress {
        /// How many.
        rows: u64,
    },
    /// The share is done.
    Done {
        /// What was done.
        tally: Tally,
    },
}

impl Message {
    /// The message as one line, without its end.
    pub(super) fn line(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| Failure::other(error.to_string()))
    }

    pub(super) fn send(&self, out: &mut dyn Write) -> Result<(), Failure> {
        crate::write_line(out, &self.line()?)
    }
}

/// A worker that is ended when it is dropped before it was waited for.
struct Worker {
    share: Share,
    child: Child,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Has a replay played by workers; the sum of what they did.
pub(super) fn play(jobs: u64, context: &Context<'_>, bar: &ProgressBar) -> Result<Tally, Failure> {
    let workers = (0..jobs)
        .map(|job| start(Share { job, jobs }, context))
        .collect::<Result<Vec<Worker>, Failure>>()?;
    let outcomes: Vec<Result<Tally, Failure>> = thread::scope(|scope| {
        let listeners: Vec<_> =
            workers.into_iter().map(|worker| scope.spawn(|| listen(worker, bar))).collect();
        let ended = |listener: thread::ScopedJoinHandle<'_, _>| {
            listener.join().unwrap_or_else(|_| Err(Failure::other("a listener ended early")))
        };
        listeners.into_iter().map(ended).collect()
    });
    let mut sum = Tally::default();
    for outcome in outcomes {
        sum.add(outcome?)?;
    }
    Ok(sum)
}

fn start(share: Share, context: &Context<'_>) -> Result<Worker, Failure> {
    let Some((program, leading)) = context.self_command.split_first() else {
        return Err(Failure::other("it is not known how to start this command again"));
    };
    let child = Command::new(program)
        .args(leading)
        .args(["--worker", &share.to_string()])
        .args(context.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            let program = program.to_string_lossy();
            Failure::other(format!("could not start job {share} as `{program}`: {error}"))
        })?;
    Ok(Worker { share, child })
}

/// Hears a worker until it ends.
fn listen(mut worker: Worker, bar: &ProgressBar) -> Result<Tally, Failure> {
    let (out, err) = (worker.child.stdout.take(), worker.child.stderr.take());
    let said = thread::spawn(move || {
        let mut said = String::new();
        // What cannot be read is not shown; the exit code tells of the failure all the same.
        drop(err.map(|mut err| err.read_to_string(&mut said)));
        said
    });
    let mut tally = None;
    for line in out.into_iter().flat_map(|out| BufReader::new(out).lines()) {
        match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
            Some(Message::Progress { rows }) => bar.inc(rows),
            Some(Message::Done { tally: done }) => tally = Some(done),
            None => break,
        }
    }
    let status = worker.child.wait()?;
    let said = said.join().unwrap_or_default();
    match tally {
        Some(tally) if status.success() => Ok(tally),
        _ => Err(failed(worker.share, &said, &status.to_string())),
    }
}

/// Why a worker failed, in its own words.
fn failed(share: Share, said: &str, status: &str) -> Failure {
    let after = |label: &str| said.lines().find_map(|line| line.strip_prefix(label));
    let message = match after("error: ") {
        Some(error) => format!("job {share} failed: {error}"),
        None => format!("job {share} failed: {status}"),
    };
    Failure::Other { message, hint: after("hint: ").map(str::to_owned) }
}
