//! Lessons: what one call that was estimated and then reported teaches.

use super::calibration::{Calibration, TextSize};
use super::share_up;
use crate::domain::call::{Call, UsageSource};
use crate::domain::estimate::InputEstimate;
use crate::domain::usage::Unit;
use crate::ingest::detect::normalise_model;

/// What to fold into what is known of a model and of a user's answers from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Who was paid.
    pub provider: String,
    /// The bare name of the model, see [`learned_name`].
    pub model: String,
    /// The estimate of the input and the tokens that the provider reported for it.
    pub input: Option<(InputEstimate, i64)>,
    /// The size of the answer.
    pub output_tokens: Option<i64>,
}

/// The name that a model is learned under: without vendor, route, version and date, so that what
/// was held for as `gpt-4o` and answered as `gpt-4o-2024-08-06` is one model.
pub fn learned_name(model: &str) -> String {
    normalise_model(model).name
}

impl Lesson {
    /// What a call teaches; nothing when its usage was not reported, when it failed, or when it
    /// stands for several calls.
    pub fn of(call: &Call, estimate: &InputEstimate) -> Option<Self> {
        let is_reported = call.usage_source == UsageSource::Reported
            && call.call_count == 1
            && !call.is_failed()
            && !call.model.is_empty();
        if !is_reported {
            return None;
        }
        // Audio, or pages that a tool fetched, are input that no estimate has seen.
        let is_of_text = |unit: &Unit| {
            matches!(
                unit,
                Unit::InputTokens
                    | Unit::OutputTokens
                    | Unit::CachedInputTokens
                    | Unit::CacheWrite5mTokens
                    | Unit::CacheWrite1hTokens
                    | Unit::ReasoningTokens
                    | Unit::Requests
            )
        };
        let is_text = call.usage.iter().all(|(unit, quantity)| quantity == 0 || is_of_text(&unit));
        let input_tokens = call.usage.get(&Unit::InputTokens);
        let output_tokens = call.usage.get(&Unit::OutputTokens);
        let is_input_known = is_text && input_tokens > 0 && estimate.text_tokens > 0;
        let is_chat = call.operation.as_str() == "chat";
        let lesson = Self {
            provider: call.provider.clone(),
            model: learned_name(&call.model),
            input: is_input_known.then_some((*estimate, input_tokens)),
            output_tokens: (is_chat && output_tokens > 0).then_some(output_tokens),
        };
        (lesson.input.is_some() || lesson.output_tokens.is_some()).then_some(lesson)
    }
}

impl Calibration {
    /// Folds in one call by its whole estimate: of the reported tokens the texts get their share,
    /// so that tokens per word are not those of tools and roles.
    pub fn learn(&mut self, estimate: &InputEstimate, reported_tokens: i64) -> bool {
        let InputEstimate { characters, words, text_tokens, other_tokens } = *estimate;
        let whole = text_tokens.saturating_add(other_tokens);
        let sent = TextSize { characters, words, estimated_tokens: text_tokens };
        self.observe(sent, share_up(reported_tokens, text_tokens, whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::CallDetails;
    use crate::domain::money::Money;
    use crate::domain::operation::Operation;
    use crate::domain::price::{PriceMatch, Variant};
    use crate::domain::time::Timestamp;
    use crate::domain::usage::Usage;

    fn call(usage: Usage) -> Call {
        Call {
            id: 1,
            provider: "openai".into(),
            operation: Operation::chat(),
            model: "gpt-4o-2024-08-06".into(),
            variant: Variant::Standard,
            usage,
            usage_source: UsageSource::Reported,
            call_count: 1,
            status_code: 200,
            occurred_at: Timestamp::MIN,
            recorded_at: Timestamp::MIN,
            period_starts_at: Timestamp::MIN,
            cost: None,
            cost_input: Money::ZERO,
            cost_output: Money::ZERO,
            vendor_cost: None,
            price_version_id: None,
            price_match: PriceMatch::Unknown,
            is_late: false,
            details: CallDetails::default(),
        }
    }

    const ESTIMATE: InputEstimate =
        InputEstimate { characters: 400, words: 80, text_tokens: 100, other_tokens: 20 };

    #[test]
    fn a_reported_call_teaches_both_sides_under_the_bare_name() {
        let lesson = Lesson::of(&call(Usage::tokens(132, 7)), &ESTIMATE).unwrap();
        assert_eq!((lesson.model.as_str(), lesson.output_tokens), ("gpt-4o", Some(7)));
        assert_eq!(lesson.input, Some((ESTIMATE, 132)));
        let mut model = Calibration::new();
        assert!(model.learn(&ESTIMATE, 132));
        assert_eq!((model.estimated_tokens, model.reported_tokens), (100, 110));
        assert_eq!(model.tokens_per_word_ppm(), Some(1_375_000));
    }

    #[test]
    fn what_says_nothing_about_the_texts_teaches_nothing_of_the_input() {
        let searched = call(Usage::tokens(9_000, 7).with("web_searches".parse().unwrap(), 2));
        let lesson = Lesson::of(&searched, &ESTIMATE).unwrap();
        assert_eq!((lesson.input, lesson.output_tokens), (None, Some(7)));
        let unseen = Lesson::of(&call(Usage::tokens(900, 7)), &InputEstimate::default()).unwrap();
        assert_eq!(unseen.input, None);
        let embedding =
            Call { operation: Operation::new("embeddings").unwrap(), ..call(Usage::tokens(9, 0)) };
        assert_eq!(Lesson::of(&embedding, &ESTIMATE).unwrap().output_tokens, None);
    }

    #[test]
    fn estimated_failed_and_summed_calls_teach_nothing() {
        let good = call(Usage::tokens(132, 7));
        for bad in [
            Call { usage_source: UsageSource::Estimated, ..good.clone() },
            Call { usage_source: UsageSource::ExpiredHold, ..good.clone() },
            Call { status_code: 500, ..good.clone() },
            Call { call_count: 2, ..good.clone() },
            Call { model: String::new(), ..good.clone() },
            Call { usage: Usage::none(), ..good },
        ] {
            assert_eq!(Lesson::of(&bad, &ESTIMATE), None, "{bad:?}");
        }
    }
}
