//! Faults: what happens to the file by other hands, by forks and by a failing disk.
//!
//! Every case runs in a process of its own, because it changes what system calls do.
#![cfg(test)]
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "forks, signals and SQLite's system calls have no safe form")]

mod disk;
mod foreign;
mod forking;
mod full;
mod hooks;
mod injected;
mod permissions;
mod power;
#[path = "../it/reliability/stage.rs"]
#[allow(dead_code, reason = "the other binary uses the rest")]
mod stage;
mod stuck;

use stage::Worker;

/// Plays a role in a process of its own, to its good end; what it said.
fn play(role: &[&str]) -> Vec<String> {
    Worker::start("worker", role).finish()
}

#[test]
#[ignore = "the body of the worker processes that other tests start"]
fn worker() {
    let role = stage::role();
    let role: Vec<&str> = role.iter().map(String::as_str).collect();
    match role.as_slice() {
        ["foreign", rest @ ..] => foreign::play(rest),
        ["fork", rest @ ..] => forking::play(rest),
        ["full", rest @ ..] => full::play(rest),
        ["injected", rest @ ..] => injected::play(rest),
        ["permissions"] => permissions::play(),
        ["power", rest @ ..] => power::play(rest),
        ["stuck", rest @ ..] => stuck::play(rest),
        other => panic!("no such role: {other:?}"),
    }
}
