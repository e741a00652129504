//! Webhooks, signed as <https://www.standardwebhooks.com> says, so that receivers can check them
//! with that project's libraries.

use std::time::Duration;

use alwrity_metering::{Channel, Clock, Delivery, DeliveryFailure};
use chrono::DateTime;
use ureq::Agent;
use ureq::http::header::{HeaderMap, RETRY_AFTER};

/// A receiver that does not answer within this is taken to be away.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Posts each alert as JSON: `{"type": "alert.usage_threshold", "timestamp": …, "data": …}`.
///
/// `webhook-id` is the message id, the same in every attempt; `webhook-timestamp` the seconds of
/// this attempt; `webhook-signature` one signature for each secret. A status of 2xx means taken,
/// 410 that the receiver is gone for good; everything else is tried again, not before the answer's
/// `Retry-After`. Redirects are not followed.
pub struct Webhook {
    url: String,
    signers: Vec<standardwebhooks::Webhook>,
    clock: Clock,
    agent: Agent,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A receiver and the secrets that it shares, `whsec_` and base64. While a secret is being
    /// replaced there are two: each message is signed with both.
    ///
    /// # Errors
    /// What is wrong with the address or a secret; the secret itself is not repeated.
    pub fn new(url: &str, secrets: &[&str], clock: Clock) -> Result<Self, String> {
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        if !is_web || url.parse::<ureq::http::Uri>().is_err() {
            return Err("the webhook's address is no `https://` or `http://` URL".to_owned());
        }
        if secrets.is_empty() {
            return Err(
                "a webhook needs a secret: `whsec_` and 24 to 64 bytes in base64".to_owned()
            );
        }
        let signer = |secret: &&str| {
            // 24 to 64 bytes, as the standard asks: 4 characters for each 3 of them.
            let key = secret.strip_prefix("whsec_").filter(|key| (32..=88).contains(&key.len()));
            key.and_then(|key| standardwebhooks::Webhook::new(key).ok()).ok_or_else(|| {
                "a webhook's secret is no `whsec_` and 24 to 64 bytes in base64".to_owned()
            })
        };
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("alwrity-metering/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let signers = secrets.iter().map(signer).collect::<Result<_, _>>()?;
        Ok(Self { url: url.to_owned(), signers, clock, agent })
    }

    fn post(&self, delivery: &Delivery) -> Result<Answer, String> {
        let alert = &delivery.alert;
        let body = serde_json::json!({
            "type": format!("alert.{}", alert.key.kind),
            "timestamp": alert.created_at,
            "data": alert,
        })
        .to_string();
        let seconds = self.clock.now().micros() / 1_000_000;
        let signatures: Vec<String> = self
            .signers
            .iter()
            .map(|signer| signer.sign(&delivery.message_id, seconds, body.as_bytes()))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let response = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &delivery.message_id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signatures.join(" "))
            .send(body)
            .map_err(|error| error.to_string())?;
        let now_ms = self.clock.now().micros() / 1000;
        let retry_after_ms = retry_after_ms(response.headers(), now_ms);
        Ok(Answer { status: response.status().as_u16(), retry_after_ms })
    }
}

/// What a receiver answered.
struct Answer {
    status: u16,
    retry_after_ms: Option<i64>,
}

/// How long a receiver asks to be left alone: so many seconds, or until a date. What is neither
/// is as if it were not there.
fn retry_after_ms(headers: &HeaderMap, now_ms: i64) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(i64::MAX).saturating_mul(1000));
    }
    // A date of HTTP is one of mail, always in GMT.
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some(until.timestamp_millis().saturating_sub(now_ms).max(0))
}

impl Channel for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn send(&mut self, delivery: &Delivery) -> Result<(), DeliveryFailure> {
        match self.post(delivery) {
            Ok(Answer { status: 200..=299, .. }) => Ok(()),
            Ok(Answer { status: 410, .. }) => {
                Err(DeliveryFailure::lasting("the receiver answered 410: it is gone"))
            }
            Ok(Answer { status, retry_after_ms }) => {
                let failure = DeliveryFailure::passing(format!("the receiver answered {status}"));
                Err(DeliveryFailure { retry_after_ms, ..failure })
            }
            Err(reason) => Err(DeliveryFailure::passing(reason)),
        }
    }
}
