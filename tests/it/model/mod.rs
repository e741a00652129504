//! The model test: random work through a meter on memory and through one on SQLite, which must
//! answer alike, whatever is asked in whatever order and however often the file is reopened.
//!
//! A failure prints its seed and the shortest work that still fails. To run one seed again, or a
//! long search: `ALWRITY_MODEL_SEED=7 ALWRITY_MODEL_STEPS=500 cargo test --test it model`.

pub(crate) mod steps;
pub(crate) mod twins;

use alwrity_metering::ExpiredHolds;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::steps::steps;
use self::twins::Twins;

/// The seeds that run when none is given; fixed, so that a failure is everybody's.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=6;
const STEPS: usize = 60;

fn given<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn run(expired_holds: ExpiredHolds) {
    let length = given("ALWRITY_MODEL_STEPS").unwrap_or(STEPS);
    let seeds = given("ALWRITY_MODEL_SEED").map_or(SEEDS, |seed| seed..=seed);
    for seed in seeds {
        run_seed(seed, length, expired_holds);
    }
}

fn run_seed(seed: u64, length: usize, expired_holds: ExpiredHolds) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config =
        Config { cases: 1, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new_with_rng(config, rng).run(&steps(length), |steps| {
        Twins::new(expired_holds).run(&steps).map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => panic!(
            "ALWRITY_MODEL_SEED={seed} ALWRITY_MODEL_STEPS={length}, {expired_holds:?}: {reason}\n\
             after {} steps: {steps:#?}",
            steps.len()
        ),
        Err(aborted) => panic!("ALWRITY_MODEL_SEED={seed}: {aborted}"),
    }
}

#[test]
fn both_stores_answer_alike_when_expired_holds_are_released() {
    run(ExpiredHolds::Release);
}

#[test]
fn both_stores_answer_alike_when_expired_holds_are_charged() {
    run(ExpiredHolds::Charge);
}
