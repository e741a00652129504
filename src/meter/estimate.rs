//! Estimating: what a call will probably use, by its text and by what was learned.

use serde::Serialize;
use serde_json::{Value, json};

use super::Meter;
use super::draft::{Ask, estimate};
use crate::domain::call::CallRequest;
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::price::PriceMatch;
use crate::error::{Error, Result};
use crate::ingest::{
    Calibration, ChatEstimate, HoldEstimate, HoldRule, OutputRule, OutputSizes, RequestEstimate,
    estimate_request, learned_name,
};
use crate::storage::{Learned, OfModel};

/// What is going to be sent.
#[derive(Clone, Copy, Debug)]
pub enum EstimateInput<'a> {
    /// A text: of a chat one message, of speech what is to be spoken.
    Text(&'a str),
    /// The request as it will be sent, in any vendor's form.
    Request(&'a Value),
}

/// What a call will probably use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallEstimate {
    /// The request to reserve: tokens, or other units, are filled in.
    pub request: CallRequest,
    /// Input tokens as counted, before factor and margin; 0 where no text is sent to a model. The
    /// `source` of the hold says whether they are estimated or exact.
    pub input_tokens: i64,
    /// How the tokens to hold came about; nothing where no text is sent to a model.
    pub hold: Option<HoldEstimate>,
    /// What the request would be held at; nothing when it cannot be priced.
    pub cost_usd: Option<Money>,
    /// How the price was found.
    pub price_match: PriceMatch,
    /// How many calls of all users the factor was learned from.
    pub learned_calls: i64,
    /// How many answers that this user had from the model count for the output.
    pub learned_answers: i64,
    /// What could not be counted, such as audio or a document.
    pub notes: Vec<String>,
}

/// What was learned of a model from calls that were estimated before and reported after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelCalibration {
    /// The provider.
    pub provider: String,
    /// The bare name of the model: without vendor, route, version and date.
    pub model: String,
    /// Reported tokens for an estimated one, in parts per million, 500 000–2 000 000.
    pub factor_ppm: i64,
    /// Reported tokens for a word, in parts per million.
    pub tokens_per_word_ppm: Option<i64>,
    /// Reported tokens for a character, in parts per million.
    pub tokens_per_character_ppm: Option<i64>,
    /// The sums behind it.
    #[serde(flatten)]
    pub sums: Calibration,
}

impl From<OfModel<Calibration>> for ModelCalibration {
    fn from(OfModel { provider, model, learned }: OfModel<Calibration>) -> Self {
        Self {
            provider,
            model,
            factor_ppm: learned.factor_ppm(),
            tokens_per_word_ppm: learned.tokens_per_word_ppm(),
            tokens_per_character_ppm: learned.tokens_per_character_ppm(),
            sums: learned,
        }
    }
}

impl Meter {
    /// Estimates what a call will use: the input by its text, the model's learned factor and the
    /// option `estimate_margin_percent`; the output by what this user's answers from the model
    /// were like, by the request's own maximum, or by the option `default_output_tokens`. With the
    /// feature `exact`, plain text for a model of OpenAI's is counted, without factor and margin.
    /// Reserve the request of the answer, and the settlement teaches.
    ///
    /// It writes nothing. Where `input` is a request, a model and a maximum that are not given
    /// are taken from it. The user may be empty: then nothing is known of its answers.
    ///
    /// # Errors
    /// `invalid_argument` when there is nothing in the input to count, `unknown_price` where that
    /// is rejected, and the errors of the store.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{CallRequest, EstimateInput, Meter, Options, Reservation, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("metering.db");
    /// let meter = Meter::open(&path, Options::default())?;
    /// meter.seed("default")?;
    /// let body = serde_json::json!({
    ///     "model": "gemini-2.5-flash", "max_tokens": 200,
    ///     "messages": [{"role": "user", "content": "Why is the sky blue, in two sentences?"}],
    /// });
    /// let request = CallRequest::new("ada", "gemini", "");
    /// let estimate = meter.estimate(&request, EstimateInput::Request(&body))?;
    /// assert_eq!(estimate.request.max_output_tokens, Some(200));
    /// if let Reservation::Granted(hold) = meter.reserve(&estimate.request)? {
    ///     meter.settle("ada", hold.hold_id, &Usage::tokens(19, 61).into())?;
    /// }
    /// assert_eq!(meter.calibrations()?[0].sums.calls, 1);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn estimate(
        &self,
        request: &CallRequest,
        input: EstimateInput<'_>,
    ) -> Result<CallEstimate> {
        let user = if request.user.is_empty() { "" } else { name::user(&request.user)? };
        let mut request = request.clone();
        if let EstimateInput::Request(body) = input
            && request.model.trim().is_empty()
        {
            let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
            model.clone_into(&mut request.model);
        }
        let ask = Ask::try_from(&request)?;
        let catalogue = self.inner.store.recent_catalogue()?;
        let at = request.occurred_at.unwrap_or_else(|| self.now());
        let rules = &self.inner.rules;
        let (operation, ..) = ask.target.priced(&catalogue, at, &rules.unknown_price);
        let (provider, model) = (&ask.target.provider, &ask.target.model);
        let counted = counted(provider, operation.as_str(), model, input)?;
        let learned = self.inner.store.learned(user, provider, &learned_name(model))?;
        let max_output_tokens = request.max_output_tokens.or(counted.max_output_tokens);
        let hold = counted.chat.as_ref().map(|chat| {
            let max_output_tokens =
                if operation.as_str() == "chat" { max_output_tokens } else { Some(0) };
            hold_of(self.hold_rule(), chat, max_output_tokens, &learned)
        });
        match (&hold, &counted.chat) {
            (Some(hold), Some(chat)) => {
                request.input_tokens = hold.input_tokens;
                request.max_output_tokens = Some(hold.output_tokens);
                request.input_estimate = Some(chat.input_estimate());
            }
            _ => request.usage = request.usage.plus(&counted.usage)?,
        }
        let priced = estimate(&Ask::try_from(&request)?, &catalogue, at, rules)?;
        Ok(CallEstimate {
            input_tokens: counted.chat.as_ref().map_or(0, ChatEstimate::input_tokens),
            hold,
            cost_usd: Some(priced.cost).filter(|_| priced.price_match != PriceMatch::Unknown),
            price_match: priced.price_match,
            learned_calls: learned.calibration.map_or(0, |model| model.calls),
            learned_answers: learned.outputs.as_ref().map_or(0, OutputSizes::answers),
            notes: counted.notes,
            request,
        })
    }

    /// What was learned of each model from calls that were estimated before and reported after.
    pub fn calibrations(&self) -> Result<Vec<ModelCalibration>> {
        let models = self.inner.store.calibrations()?;
        Ok(models.into_iter().map(ModelCalibration::from).collect())
    }

    fn hold_rule(&self) -> HoldRule {
        let options = &self.inner.options;
        let default_tokens = options.default_output_tokens;
        HoldRule {
            margin_percent: options.estimate_margin_percent,
            output: OutputRule { default_tokens, ..OutputRule::default() },
        }
    }
}

/// What a request uses by its form alone.
fn counted(
    provider: &str,
    operation: &str,
    model: &str,
    input: EstimateInput<'_>,
) -> Result<RequestEstimate> {
    let found = match input {
        EstimateInput::Request(body) if body.get("model").is_some() => {
            estimate_request(provider, operation, body)
        }
        // The size of images depends on the model.
        EstimateInput::Request(Value::Object(body)) => {
            let mut body = body.clone();
            body.insert("model".to_owned(), model.into());
            estimate_request(provider, operation, &Value::Object(body))
        }
        EstimateInput::Request(_) => None,
        EstimateInput::Text(text) => {
            estimate_request(provider, operation, &json!({ "model": model, "input": text }))
        }
    };
    found.ok_or_else(|| Error::InvalidArgument {
        name: "input",
        value: "nothing that can be counted".to_owned(),
        expected: format!("a text, or a request of the operation `{operation}`").into(),
    })
}

/// Images are counted by their vendor's own rule: the factor is not for them, the margin is.
fn hold_of(
    rule: HoldRule,
    chat: &ChatEstimate,
    max_output_tokens: Option<i64>,
    learned: &Learned,
) -> HoldEstimate {
    let source = chat.source;
    let of_text = chat.input_tokens().saturating_sub(chat.image_tokens);
    let (model, outputs) = (learned.calibration.as_ref(), learned.outputs.as_ref());
    let hold = rule.hold(of_text, source, max_output_tokens, model, outputs);
    let images = rule.hold(chat.image_tokens, source, None, None, None).input_tokens;
    HoldEstimate { input_tokens: hold.input_tokens.saturating_add(images), ..hold }
}
