//! Reliability: many processes, kills, other hands on the file, clocks and damage.

mod busy;
mod clock;
mod damage;
mod flips;
mod growth;
mod kills;
mod opening;
mod processes;
mod queued;
mod replaced;
#[allow(dead_code, reason = "the other binary uses the rest")]
mod stage;

/// The test that worker processes run.
const WORKER: &str = "reliability::worker";

#[test]
#[ignore = "the body of the worker processes that other tests start"]
fn worker() {
    let role = stage::role();
    let role: Vec<&str> = role.iter().map(String::as_str).collect();
    match role.as_slice() {
        ["opening"] => opening::play(),
        ["processes", rest @ ..] => processes::play(rest),
        ["kills", rest @ ..] => kills::play(rest),
        ["busy", rest @ ..] => busy::play(rest),
        other => panic!("no such role: {other:?}"),
    }
}
