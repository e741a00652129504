//! Redaction: what must never reach the log is taken out of error texts.

use std::sync::LazyLock;

use regex::Regex;

/// The longest error text that is kept, in characters.
pub const ERROR_MESSAGE_CHARS_MAX: usize = 500;

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

/// One pattern of secrets and what replaces it.
struct Rule {
    pattern: Regex,
    replacement: &'static str,
}

/// Pattern and replacement, applied in this order.
const RULES: [(&str, &str); 8] = [
    // A header or parameter that names its secret: the name stays, the value goes.
    (
        r#"(?i)\b(authorization|proxy-authorization|x-api-key|x-goog-api-key|cookie|set-cookie)("?\s*[:=]\s*"?)(?:(?:bearer|basic|token)\s+)?[^\s"',;}]+"#,
        "$1$2[redacted]",
    ),
    (
        r#"(?i)\b((?:[a-z0-9]+[_-])*(?:password|passwd|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credential|signature|key))("?\s*[:=]\s*"?)[^\s"'&,;}]+"#,
        "$1$2[redacted]",
    ),
    (r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}", "$1 [redacted]"),
    // user:password@host
    (r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:]+:[^\s/@]+@", "$1[redacted]@"),
    // Keys that are known by their prefix.
    (
        r"\b(?:sk|pk|rk|xai|gsk|hf|tvly|fc|key|ghp|gho|pplx|nvapi|AKIA|ASIA|AIza|ya29)[-_.]?[A-Za-z0-9_-]{12,}",
        REDACTED,
    ),
    (r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", REDACTED),
    // JSON web tokens, then any long base64 or hexadecimal.
    (r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*", REDACTED),
    (r"[A-Za-z0-9+/_-]{32,}(?:\.[A-Za-z0-9_-]+)*={0,2}", REDACTED),
];

static COMPILED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    RULES
        .iter()
        .filter_map(|(pattern, replacement)| {
            // `every_rule_compiles` guards that none is skipped.
            Some(Rule { pattern: Regex::new(pattern).ok()?, replacement })
        })
        .collect()
});

/// The text without keys, bearer tokens, passwords, e-mail addresses and long base64, on one
/// line, at most [`ERROR_MESSAGE_CHARS_MAX`] characters. Linear in the length of the text.
///
/// ```
/// use alwrity_metering::redact;
/// assert_eq!(redact("401 for key sk-abcdefghijklmnop123456"), "401 for key [redacted]");
/// ```
pub fn redact(text: &str) -> String {
    // A secret that the cut would split must not survive in part, so more is read than is kept.
    let bounded: String = text.chars().take(8 * ERROR_MESSAGE_CHARS_MAX).collect();
    let mut clean: String = bounded.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for rule in COMPILED.iter() {
        if let std::borrow::Cow::Owned(changed) = rule.pattern.replace_all(&clean, rule.replacement)
        {
            clean = changed;
        }
    }
    match clean.char_indices().nth(ERROR_MESSAGE_CHARS_MAX) {
        None => clean,
        Some((end, _)) => {
            clean.truncate(end);
            clean.push('…');
            clean
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles() {
        assert_eq!(COMPILED.len(), RULES.len());
    }

    #[test]
    fn secrets_are_taken_out_and_the_rest_stays() {
        for (text, secret) in [
            ("Incorrect API key provided: sk-proj-abcDEF1234567890", "abcDEF1234567890"),
            ("Authorization: Bearer abc.def-ghi123", "abc.def-ghi123"),
            (r#"{"authorization":"Bearer short1"}"#, "short1"),
            ("x-api-key=abc123", "abc123"),
            ("password=hunter2&x=1", "hunter2"),
            (r#"{"client_secret": "abc"}"#, "\"abc\""),
            ("mail to jane.doe+x@example.co.uk failed", "jane"),
            ("https://user:pa55@host/path", "pa55"),
            ("key AIzaSyA1234567890abcdefghijk", "AIzaSyA1234"),
            ("token eyJhbGciOiJIUzI1NiIsInR5cCI6.eyJzdWIiOiIxMjM0NTY3ODkw.c2ln", "eyJ"),
            ("blob QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=", "QUJDREVG"),
            ("GET /v1?api_key=zzz99", "zzz99"),
        ] {
            let clean = redact(text);
            assert!(!clean.contains(secret), "{text} → {clean}");
            assert!(clean.contains("[redacted]"), "{text} → {clean}");
        }
        for text in ["429 rate limit of model gpt-4o-mini reached", "token count 12 too large"] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn long_texts_are_cut_and_lines_joined() {
        let clean = redact(&format!("a\nb {}", "word ".repeat(1000)));
        assert_eq!(clean.chars().count(), ERROR_MESSAGE_CHARS_MAX + 1);
        assert!(clean.starts_with("a b word"));
        let across_the_cut = format!("{}{}", "x ".repeat(245), "A1b2".repeat(20));
        assert!(!redact(&across_the_cut).contains("A1b2"));
    }
}
