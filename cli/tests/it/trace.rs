//! Traces for tests: calls that look like real ones, from a seed.

use std::fmt::Write as _;

use alwrity_metering::Timestamp;

/// One call of a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
}

/// A trace as a file, and its calls.
pub(crate) struct Trace {
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
}

/// A trace of so many calls, a few seconds apart, with seven decimals of a second.
pub(crate) fn trace(rows: usize) -> Trace {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |bound: i64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 33).unwrap() % bound
    };
    let mut text = "TIMESTAMP,ContextTokens,GeneratedTokens\n".to_owned();
    let mut at: Timestamp = "2023-11-16T18:15:46.680590Z".parse().unwrap();
    let mut calls = Vec::with_capacity(rows);
    for _ in 0..rows {
        let call = Call { input_tokens: 1 + random(3000), output_tokens: random(800) };
        let civil = format!("{at}").replace('T', " ").replace('Z', "");
        let civil = if civil.contains('.') { civil } else { format!("{civil}.000000") };
        let Call { input_tokens, output_tokens } = call;
        writeln!(text, "{civil}{},{input_tokens},{output_tokens}", random(10)).unwrap();
        at = at.plus_micros(1 + random(5_000_000));
        calls.push(call);
    }
    Trace { text, calls }
}

impl Trace {
    /// The sums of all rows: input tokens, output tokens.
    pub(crate) fn tokens(&self) -> (i64, i64) {
        let input = self.calls.iter().map(|call| call.input_tokens).sum();
        (input, self.calls.iter().map(|call| call.output_tokens).sum())
    }
}
