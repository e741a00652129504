//! How long the answer will be: what the request allows, a default, and what was seen before.
//!
//! What it is: a quantile of earlier answers of one user and model, capped by the request. What it
//! is not: all that is left of a budget.

use serde::{Deserialize, Serialize};

/// Sizes fall into four equal steps an octave, up to 2²³ tokens.
const STEPS: i64 = 4;
const BUCKETS: usize = 88;
/// Above so many answers all counts are halved, so that the newer ones lead.
const MEMORY_ANSWERS: i64 = 2_000;

/// How an output is estimated, see [`OutputRule::estimate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRule {
    /// Tokens when nothing is known: default 1 000.
    pub default_tokens: i64,
    /// The most tokens that a request's own maximum is believed for before anything was learned:
    /// default 16 384.
    pub cap_tokens: i64,
    /// The quantile of earlier answers, in percent: default 95.
    pub quantile_percent: i64,
    /// Answers that must have been seen before the quantile counts: default 20.
    pub learned_from: i64,
}

impl Default for OutputRule {
    fn default() -> Self {
        Self { default_tokens: 1_000, cap_tokens: 16_384, quantile_percent: 95, learned_from: 20 }
    }
}

/// Why an output was estimated so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputReason {
    /// The request's maximum.
    Maximum,
    /// The request's maximum is beyond what is believed; the cap stands.
    Cap,
    /// The quantile of earlier answers.
    Learned,
    /// Nothing was known.
    Default,
}

impl OutputReason {
    /// The stable name: `maximum`, `cap`, `learned` or `default`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Maximum => "maximum",
            Self::Cap => "cap",
            Self::Learned => "learned",
            Self::Default => "default",
        }
    }
}

/// An estimated output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputEstimate {
    /// Tokens, from 0.
    pub tokens: i64,
    /// Why.
    pub reason: OutputReason,
}

impl OutputRule {
    /// The output to hold for: never more than the request's own maximum.
    ///
    /// ```
    /// use alwrity_metering::ingest::{OutputRule, OutputSizes};
    /// let rule = OutputRule::default();
    /// assert_eq!(rule.estimate(Some(1), None).tokens, 1);
    /// assert_eq!(rule.estimate(None, None).tokens, 1_000);
    /// let mut seen = OutputSizes::new();
    /// (0..100).for_each(|answer| seen.observe(200 + answer));
    /// assert_eq!(rule.estimate(Some(4_000), Some(&seen)).tokens, 319);
    /// ```
    pub fn estimate(
        &self,
        max_output_tokens: Option<i64>,
        seen: Option<&OutputSizes>,
    ) -> OutputEstimate {
        let learned = seen
            .filter(|sizes| sizes.answers() >= self.learned_from.max(1))
            .and_then(|sizes| sizes.quantile(self.quantile_percent));
        let found = |tokens: i64, reason| OutputEstimate { tokens: tokens.max(0), reason };
        match (max_output_tokens.map(|maximum| maximum.max(0)), learned) {
            (Some(maximum), Some(usual)) if usual < maximum => found(usual, OutputReason::Learned),
            (Some(maximum), None) if maximum > self.cap_tokens => {
                found(self.cap_tokens, OutputReason::Cap)
            }
            (Some(maximum), _) => found(maximum, OutputReason::Maximum),
            (None, Some(usual)) => found(usual, OutputReason::Learned),
            (None, None) => found(self.default_tokens, OutputReason::Default),
        }
    }
}

/// The sizes of earlier answers of one user and model, as counts by size.
///
/// Serialises as a list of `[bucket, count]`, only those that are not 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, i64)>", into = "Vec<(usize, i64)>")]
pub struct OutputSizes {
    counts: [i64; BUCKETS],
}

impl Default for OutputSizes {
    fn default() -> Self {
        Self::new()
    }
}

impl OutputSizes {
    /// Nothing seen.
    pub const fn new() -> Self {
        Self { counts: [0; BUCKETS] }
    }

    /// Folds in one answer's output tokens.
    pub fn observe(&mut self, output_tokens: i64) {
        let count = &mut self.counts[bucket_of(output_tokens)];
        *count = count.saturating_add(1);
        if self.answers() > MEMORY_ANSWERS {
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
    }

    /// How many answers count.
    pub fn answers(&self) -> i64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The size that `percent` of the answers do not pass, at most a quarter too large.
    pub fn quantile(&self, percent: i64) -> Option<i64> {
        let answers = self.answers();
        let wanted = super::share_up(answers, percent.clamp(1, 100), 100);
        let mut below = 0_i64;
        for (bucket, count) in self.counts.iter().enumerate() {
            below = below.saturating_add(*count);
            if *count > 0 && below >= wanted {
                return Some(largest_of(bucket));
            }
        }
        None
    }
}

impl From<Vec<(usize, i64)>> for OutputSizes {
    fn from(stored: Vec<(usize, i64)>) -> Self {
        let mut sizes = Self::new();
        for (bucket, count) in stored {
            if let Some(slot) = sizes.counts.get_mut(bucket) {
                *slot = count.max(0);
            }
        }
        sizes
    }
}

impl From<OutputSizes> for Vec<(usize, i64)> {
    fn from(sizes: OutputSizes) -> Self {
        sizes.counts.iter().copied().enumerate().filter(|(_, count)| *count != 0).collect()
    }
}

/// The bucket of a size: 0–3 hold one size each, then four to an octave.
fn bucket_of(tokens: i64) -> usize {
    let tokens = tokens.clamp(0, largest_of(BUCKETS - 1));
    let octave = i64::from(tokens.max(STEPS).ilog2()) - 2;
    let step = tokens >> octave;
    usize::try_from(octave * STEPS + step).map_or(0, |bucket| bucket.min(BUCKETS - 1))
}

/// The largest size in a bucket.
fn largest_of(bucket: usize) -> i64 {
    let bucket = i64::try_from(bucket).unwrap_or(0);
    if bucket < 2 * STEPS {
        return bucket;
    }
    let octave = bucket / STEPS - 1;
    let step = bucket % STEPS + STEPS;
    ((step + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_in_a_bucket_that_is_at_most_a_quarter_wide() {
        let mut last = 0;
        for tokens in 0..100_000 {
            let bucket = bucket_of(tokens);
            let largest = largest_of(bucket);
            assert!(largest >= tokens, "{tokens} in {bucket} up to {largest}");
            assert!(largest <= tokens + tokens / 4, "{tokens} in {bucket} up to {largest}");
            assert!(bucket == last || bucket == last + 1);
            last = bucket;
        }
        assert_eq!(bucket_of(i64::MAX), BUCKETS - 1);
        assert_eq!(bucket_of(-5), 0);
    }

    #[test]
    fn without_a_maximum_the_hold_is_a_sensible_size() {
        let rule = OutputRule::default();
        assert_eq!(rule.estimate(None, None).reason, OutputReason::Default);
        let capped = rule.estimate(Some(1_000_000), None);
        assert_eq!(capped, OutputEstimate { tokens: 16_384, reason: OutputReason::Cap });
        let few: OutputSizes = vec![(12, 19)].into();
        assert_eq!(rule.estimate(None, Some(&few)).reason, OutputReason::Default);
        let many: OutputSizes = vec![(12, 20)].into();
        assert_eq!(rule.estimate(None, Some(&many)).reason, OutputReason::Learned);
        assert_eq!(rule.estimate(Some(3), Some(&many)).tokens, 3);
        assert_eq!(rule.estimate(Some(-3), None).tokens, 0);
    }

    #[test]
    fn sizes_keep_as_plain_numbers_and_forget() {
        let mut sizes = OutputSizes::new();
        for _ in 0..3_000 {
            sizes.observe(100);
        }
        for _ in 0..3_000 {
            sizes.observe(1_000);
        }
        assert!(sizes.answers() <= MEMORY_ANSWERS);
        assert_eq!(sizes.quantile(50), Some(1_023));
        let json = serde_json::to_string(&sizes).unwrap();
        assert_eq!(serde_json::from_str::<OutputSizes>(&json).unwrap(), sizes);
        assert_eq!(
            serde_json::from_str::<OutputSizes>("[[999,3],[1,-4]]").unwrap(),
            Vec::new().into()
        );
    }
}
