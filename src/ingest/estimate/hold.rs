//! What to hold for a call before it is made: input with factor and margin, output as estimated.

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, FACTOR_ONE_PPM};
use super::output::{OutputEstimate, OutputReason, OutputRule, OutputSizes};
use super::{CountSource, share_up};
use crate::domain::usage::Usage;
use crate::error::{Error, Result};

/// How a hold is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRule {
    /// What is added to the input, in percent: 0–100, default 10. An exact count gets none.
    pub margin_percent: i64,
    /// How the output is estimated.
    pub output: OutputRule,
}

impl Default for HoldRule {
    fn default() -> Self {
        Self { margin_percent: 10, output: OutputRule::default() }
    }
}

/// The tokens to hold for, and how they came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldEstimate {
    /// Input tokens to hold, factor and margin included.
    pub input_tokens: i64,
    /// Output tokens to hold.
    pub output_tokens: i64,
    /// Where the input count comes from.
    pub source: CountSource,
    /// The factor that was applied, in parts per million.
    pub factor_ppm: i64,
    /// The margin that was added, in percent.
    pub margin_percent: i64,
    /// Why the output was estimated so.
    pub output_reason: OutputReason,
}

impl HoldEstimate {
    /// The hold as usage.
    pub fn usage(&self) -> Usage {
        Usage::tokens(self.input_tokens, self.output_tokens)
    }
}

impl HoldRule {
    /// A rule that is within its ranges.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the margin is not within 0 and 100 percent, or the output
    /// rule has a negative count or a quantile that is not within 1 and 100 percent.
    pub fn checked(self) -> Result<Self> {
        let output = self.output;
        for (name, value, least, most) in [
            ("margin_percent", self.margin_percent, 0, 100),
            ("quantile_percent", output.quantile_percent, 1, 100),
            ("default_tokens", output.default_tokens, 0, i64::MAX),
            ("cap_tokens", output.cap_tokens, 0, i64::MAX),
            ("learned_from", output.learned_from, 0, i64::MAX),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::InvalidArgument {
                    name,
                    value: value.to_string(),
                    expected: format!("a whole number within {least} and {most}").into(),
                });
            }
        }
        Ok(self)
    }

    /// The tokens to hold for a call.
    ///
    /// `input_tokens` is the estimate or the count of the whole request; `max_output_tokens` the
    /// request's own maximum; `model` and `seen` what was learned, if anything was.
    ///
    /// ```
    /// use alwrity_metering::ingest::{CountSource, HoldRule};
    /// let rule = HoldRule::default();
    /// let hold = rule.hold(100_000, CountSource::Estimated, Some(1), None, None);
    /// assert_eq!((hold.input_tokens, hold.output_tokens), (110_000, 1));
    /// ```
    pub fn hold(
        &self,
        input_tokens: i64,
        source: CountSource,
        max_output_tokens: Option<i64>,
        model: Option<&Calibration>,
        seen: Option<&OutputSizes>,
    ) -> HoldEstimate {
        let OutputEstimate { tokens: output_tokens, reason: output_reason } =
            self.output.estimate(max_output_tokens, seen);
        let (factor_ppm, margin_percent) = match source {
            CountSource::Estimated => {
                (model.map_or(FACTOR_ONE_PPM, Calibration::factor_ppm), self.margin_percent)
            }
            CountSource::Reported | CountSource::Exact => (FACTOR_ONE_PPM, 0),
        };
        let calibrated = share_up(input_tokens, factor_ppm, FACTOR_ONE_PPM);
        let held = share_up(calibrated, margin_percent.max(0).saturating_add(100), 100);
        HoldEstimate {
            input_tokens: held,
            output_tokens,
            source,
            factor_ppm,
            margin_percent,
            output_reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_prompt_with_one_token_of_output_is_held_at_the_prompts_size() {
        let hold = HoldRule::default().hold(100_000, CountSource::Exact, Some(1), None, None);
        assert_eq!(hold.usage(), Usage::tokens(100_000, 1));
        assert_eq!(hold.margin_percent, 0);
    }

    #[test]
    fn factor_and_margin_multiply_and_never_overflow() {
        let mut model = Calibration::new();
        for _ in 0..200 {
            let sent = super::super::TextSize { characters: 1, words: 1, estimated_tokens: 1_000 };
            model.observe(sent, 1_200);
        }
        let rule = HoldRule::default();
        let hold = rule.hold(1_000, CountSource::Estimated, None, Some(&model), None);
        assert_eq!(hold.input_tokens, 1_320);
        assert_eq!(hold.output_tokens, 1_000);
        let most = rule.hold(i64::MAX, CountSource::Estimated, None, Some(&model), None);
        assert_eq!(most.input_tokens, i64::MAX);
        assert_eq!(rule.hold(-1, CountSource::Estimated, None, None, None).input_tokens, 0);
    }

    #[test]
    fn a_rule_outside_its_range_is_refused() {
        let rule = HoldRule { margin_percent: 101, ..HoldRule::default() };
        assert!(rule.checked().is_err());
        assert!(HoldRule::default().checked().is_ok());
    }
}
