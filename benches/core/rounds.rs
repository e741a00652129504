//! Rounds: two things measured in turn, so that a noisy neighbour hits both.

use std::time::Duration;

/// Runs both in turn that many times, after one round that is thrown away.
pub(crate) fn interleaved(
    rounds: usize,
    mut ours: impl FnMut() -> Duration,
    mut bare: impl FnMut() -> Duration,
) -> (Vec<Duration>, Vec<Duration>) {
    ours();
    bare();
    (0..rounds).map(|_| (ours(), bare())).unzip()
}

/// The median of some durations.
pub(crate) fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}
