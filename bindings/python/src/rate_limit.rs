//! The rate-limit headers of a metered answer, from the limit with the least room.
//!
//! `RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10, the
//! three `X-RateLimit-…` the older custom: `-Reset` is a Unix time in seconds. Quotas are whole
//! numbers, so dollars are told in millionths, and the unit parameter `qu` says so. They are made
//! here because every metered answer has them. The tests are in `tests/python/http`.

use alwrity_metering::{Amount, LimitState, Timestamp, Window};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Headers as ASGI has them: names in lower case, and values.
pub(crate) type Headers<'py> = Vec<Header<'py>>;
type Header<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// The headers of a limit as it was judged; none where there is no limit. What the judged call
/// wants counts as used. Without the time, nothing is said of a reset.
pub(crate) fn headers<'py>(
    py: Python<'py>,
    limit: &LimitState,
    at: Option<Timestamp>,
) -> Headers<'py> {
    let (Some(maximum), Some(remaining)) = (limit.maximum, limit.remaining) else {
        return Vec::new();
    };
    let (name, quota, left) = (quoted(&limit.name), told(maximum), left(limit, remaining));
    let mut policy = format!("{name};q={quota};qu={}", quoted(unit(limit)));
    if let Some(seconds) = seconds_of(limit.window) {
        policy.extend([";w=", seconds.to_string().as_str()]);
    }
    let mut rest = format!("{name};r={left}");
    let mut headers = Vec::with_capacity(6);
    headers.push(header(py, "x-ratelimit-limit", &quota.to_string()));
    headers.push(header(py, "x-ratelimit-remaining", &left.to_string()));
    if let (Some(resets_at), Some(at)) = (limit.resets_at, at) {
        let resets_at = whole_seconds_from(resets_at.micros());
        let wait = (resets_at - at.micros().div_euclid(1_000_000)).max(0);
        rest.extend([";t=", wait.to_string().as_str()]);
        headers.push(header(py, "x-ratelimit-reset", &resets_at.to_string()));
    }
    headers.push(header(py, "ratelimit-policy", &policy));
    headers.push(header(py, "ratelimit", &rest));
    headers
}

/// When a refused call may be made again, in seconds: never at once.
pub(crate) fn retry_after(py: Python<'_>, wait_ms: i64) -> Header<'_> {
    let seconds = whole_seconds_from(wait_ms.saturating_mul(1000)).max(1);
    header(py, "retry-after", &seconds.to_string())
}

fn header<'py>(py: Python<'py>, name: &str, value: &str) -> Header<'py> {
    (PyBytes::new(py, name.as_bytes()), PyBytes::new(py, value.as_bytes()))
}

/// Rounded up, so that nobody comes back too early.
fn whole_seconds_from(micros: i64) -> i64 {
    -(-micros).div_euclid(1_000_000)
}

/// A quantity as a whole number: dollars in millionths, cut.
fn told(amount: Amount) -> i64 {
    match amount {
        Amount::Count(count) => count,
        Amount::Usd(money) => money.pico_usd().div_euclid(1_000_000),
    }
}

/// What remains once the judged call is made.
fn left(limit: &LimitState, remaining: Amount) -> i64 {
    let left = remaining.number().saturating_sub(limit.wanted.number()).max(0);
    if matches!(remaining, Amount::Usd(_)) { left / 1_000_000 } else { left }
}

fn unit(limit: &LimitState) -> &str {
    match limit.metric.name() {
        "calls" => "requests",
        "cost_usd" => "micro-usd",
        other => other,
    }
}

/// How long a window of fixed length is.
fn seconds_of(window: Window) -> Option<i64> {
    match window {
        Window::Minute => Some(60),
        Window::Hour => Some(3600),
        Window::Day => Some(86_400),
        Window::Period | Window::Lifetime => None,
    }
}

/// A name as a structured-field string: printable ASCII, quotes and backslashes escaped.
fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.push('"');
    for letter in name.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            ' '..='~' => text.push(letter),
            _ => text.push('?'),
        }
    }
    text.push('"');
    text
}
