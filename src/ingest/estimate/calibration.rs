//! The factor of a model: how many tokens it reports for one that the scan estimates.
//!
//! What it is: two sums, folded one call at a time. What it is not: a fit over stored texts; no
//! text is kept, and the same pairs in the same order give the same numbers.

use serde::{Deserialize, Serialize};

use super::share_up;

/// A factor of 1, in parts per million.
pub const FACTOR_ONE_PPM: i64 = 1_000_000;
/// A factor stays within half and double.
const FACTOR_MIN_PPM: i64 = 500_000;
const FACTOR_MAX_PPM: i64 = 2_000_000;
/// The tokens at a factor of 1 that a new model starts with: the first calls only nudge it.
const PRIOR_TOKENS: i64 = 1_000;
/// One call counts for at most so many estimated tokens, so that a huge one does not decide alone.
const CALL_TOKENS_MAX: i64 = 8_192;
/// A call outside these ratios says more about its request than about the model.
const RATIO_MAX: i64 = 4;
/// Above this the sums are halved, so that the factor follows a model that changes.
const MEMORY_TOKENS: i64 = 1_000_000;

/// The size of a text that was sent: what a pricing view needs beside its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSize {
    /// Unicode characters.
    pub characters: i64,
    /// Words between blanks.
    pub words: i64,
    /// Tokens by [`estimate_tokens`](super::estimate_tokens), not calibrated.
    pub estimated_tokens: i64,
}

impl TextSize {
    /// Measures a text.
    pub fn of(text: &str) -> Self {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            characters: count(text.chars().count()),
            words: count(text.split_whitespace().count()),
            estimated_tokens: super::estimate_tokens(text),
        }
    }
}

/// What was learned about one model, as plain whole numbers that a store can keep.
///
/// Bounded: the factor stays within 0.5 and 2. Explainable: it is
/// `(reported + 1000) ÷ (estimated + 1000)` over the tokens of the calls seen.
///
/// ```
/// use alwrity_metering::ingest::{Calibration, TextSize};
/// let mut model = Calibration::new();
/// for _ in 0..50 {
///     let sent = TextSize { characters: 4_000, words: 700, estimated_tokens: 1_000 };
///     model.observe(sent, 1_150);
/// }
/// assert_eq!(model.factor_ppm(), 1_147_058);
/// assert_eq!(model.apply(200), 230);
/// assert_eq!(model.tokens_per_word_ppm(), Some(1_642_857));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// Calls folded in, ever.
    pub calls: i64,
    /// Estimated tokens of recent calls.
    pub estimated_tokens: i64,
    /// Reported tokens of the same calls.
    pub reported_tokens: i64,
    /// Words of the same calls.
    pub words: i64,
    /// Characters of the same calls.
    pub characters: i64,
}

impl Calibration {
    /// Nothing learned: a factor of 1.
    pub const fn new() -> Self {
        Self { calls: 0, estimated_tokens: 0, reported_tokens: 0, words: 0, characters: 0 }
    }

    /// Folds in one call: the text that was sent and the tokens that the provider reported for it.
    ///
    /// A pair that cannot be one (a count below 1, a ratio above 4 either way) changes nothing and
    /// answers `false`.
    pub fn observe(&mut self, sent: TextSize, reported_tokens: i64) -> bool {
        let estimated = sent.estimated_tokens;
        let is_plausible = estimated > 0
            && reported_tokens > 0
            && reported_tokens / RATIO_MAX <= estimated
            && estimated / RATIO_MAX <= reported_tokens;
        if !is_plausible {
            return false;
        }
        let counted = estimated.min(CALL_TOKENS_MAX);
        let scaled = |amount: i64| share_up(amount, counted, estimated);
        self.calls = self.calls.saturating_add(1);
        self.estimated_tokens = self.estimated_tokens.saturating_add(counted);
        self.reported_tokens = self.reported_tokens.saturating_add(scaled(reported_tokens));
        self.words = self.words.saturating_add(scaled(sent.words));
        self.characters = self.characters.saturating_add(scaled(sent.characters));
        if self.estimated_tokens > MEMORY_TOKENS {
            self.estimated_tokens /= 2;
            self.reported_tokens /= 2;
            self.words /= 2;
            self.characters /= 2;
        }
        true
    }

    /// Whether the numbers are such as [`Self::observe`] leaves.
    pub fn is_sound(&self) -> bool {
        let Self { calls, estimated_tokens, reported_tokens, words, characters } = *self;
        [calls, estimated_tokens, reported_tokens, words, characters].iter().all(|n| *n >= 0)
            && estimated_tokens <= MEMORY_TOKENS
            && reported_tokens / (2 * RATIO_MAX) <= estimated_tokens
    }

    /// The factor in parts per million, within 500 000 and 2 000 000.
    pub fn factor_ppm(&self) -> i64 {
        let reported = self.reported_tokens.max(0).saturating_add(PRIOR_TOKENS);
        let estimated = self.estimated_tokens.max(0).saturating_add(PRIOR_TOKENS);
        let factor = i128::from(reported) * i128::from(FACTOR_ONE_PPM) / i128::from(estimated);
        i64::try_from(factor).unwrap_or(FACTOR_MAX_PPM).clamp(FACTOR_MIN_PPM, FACTOR_MAX_PPM)
    }

    /// An estimate in tokens of this model, rounded up.
    pub fn apply(&self, estimated_tokens: i64) -> i64 {
        share_up(estimated_tokens, self.factor_ppm(), FACTOR_ONE_PPM)
    }

    /// Reported tokens per word in parts per million, once a word was seen.
    pub fn tokens_per_word_ppm(&self) -> Option<i64> {
        per_ppm(self.reported_tokens, self.words)
    }

    /// Reported tokens per character in parts per million, once a character was seen.
    pub fn tokens_per_character_ppm(&self) -> Option<i64> {
        per_ppm(self.reported_tokens, self.characters)
    }
}

fn per_ppm(tokens: i64, of: i64) -> Option<i64> {
    let ratio = (i128::from(tokens) * i128::from(FACTOR_ONE_PPM)).checked_div(i128::from(of))?;
    i64::try_from(ratio).ok().filter(|_| of > 0 && tokens > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(estimated_tokens: i64) -> TextSize {
        TextSize { characters: estimated_tokens * 4, words: estimated_tokens, estimated_tokens }
    }

    #[test]
    fn one_call_nudges_and_many_decide() {
        let mut model = Calibration::new();
        assert_eq!(model.factor_ppm(), FACTOR_ONE_PPM);
        assert!(model.observe(sent(100), 150));
        assert_eq!(model.factor_ppm(), 1_045_454);
        for _ in 0..500 {
            model.observe(sent(100), 150);
        }
        assert!((1_480_000..1_500_000).contains(&model.factor_ppm()));
    }

    #[test]
    fn a_huge_call_or_a_wrong_pair_does_not_decide() {
        let mut model = Calibration::new();
        for _ in 0..100 {
            model.observe(sent(1_000), 1_000);
        }
        model.observe(sent(50_000_000), 150_000_000);
        assert!(model.factor_ppm() < 1_200_000, "{}", model.factor_ppm());
        let before = model;
        for (estimated, reported) in [(0, 5), (5, 0), (-1, 4), (100, 500), (500, 100), (1, -1)] {
            assert!(!model.observe(sent(estimated), reported), "{estimated} {reported}");
        }
        assert_eq!(model, before);
    }

    #[test]
    fn it_follows_a_model_that_changes_and_stays_bounded() {
        let mut model = Calibration::new();
        for _ in 0..5_000 {
            model.observe(sent(1_000), 900);
        }
        for _ in 0..2_000 {
            model.observe(sent(1_000), 1_300);
        }
        assert!(model.factor_ppm() > 1_200_000);
        for _ in 0..20_000 {
            model.observe(sent(100), 390);
        }
        assert_eq!(model.factor_ppm(), FACTOR_MAX_PPM);
        assert_eq!(model.apply(i64::MAX), i64::MAX);
    }

    #[test]
    fn a_store_can_keep_it_as_plain_numbers() {
        let mut model = Calibration::new();
        model.observe(sent(100), 120);
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Calibration>(&json).unwrap(), model);
        assert_eq!(Calibration::new().tokens_per_word_ppm(), None);
        assert_eq!(model.tokens_per_character_ppm(), Some(300_000));
    }
}
