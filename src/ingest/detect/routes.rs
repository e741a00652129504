//! The host's own routes: which of them call a provider, by a list that the host gives.
//!
//! What it is: an explicit list, first match wins. What it is not: a guess from a path's words, a
//! header or a user agent. `/api/examples` is no provider call because nobody listed it.

use std::borrow::Cow;

use super::pattern::match_path;
use super::{Confidence, Detection};
use crate::error::{Error, Result};

/// The most rules of one list.
pub const ROUTE_RULES_MAX: usize = 1_000;
const PATTERN_BYTES_MAX: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq)]
struct RouteRule {
    method: Option<String>,
    pattern: String,
    /// How the pattern begins, up to its first wildcard: a quick no.
    beginning: String,
    provider: Option<String>,
    operation: Option<String>,
}

/// A list of the host's routes, each with the provider and the operation behind it.
///
/// A pattern is a path whose parts are literal, `*` or `{name}` for any one part, or a last `**`
/// for any further parts. Letters match as written; a trailing `/` is ignored.
///
/// ```
/// use alwrity_metering::ingest::RouteRules;
/// let mut rules = RouteRules::new();
/// rules.add(Some("POST"), "/api/blog/{id}/write", Some("gemini"), Some("chat"))?;
/// let found = rules.detect("POST", "/api/blog/42/write?draft=1");
/// assert_eq!(found.provider.as_deref(), Some("gemini"));
/// assert!(rules.detect("GET", "/api/blog/42/write").is_unknown());
/// assert!(rules.detect("POST", "/api/examples").is_unknown());
/// # Ok::<(), alwrity_metering::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteRules {
    rules: Vec<RouteRule>,
}

impl RouteRules {
    /// No rule: every route is unknown.
    pub const fn new() -> Self {
        Self { rules: Vec::new() }
    }

    /// Adds a rule after the others; no method stands for every method.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the pattern does not begin with `/`, is longer than 512
    /// bytes, has a `**` that is not last or an unclosed `{`, when the rule names neither a
    /// provider nor an operation, or past [`ROUTE_RULES_MAX`] rules.
    pub fn add(
        &mut self,
        method: Option<&str>,
        pattern: &str,
        provider: Option<&str>,
        operation: Option<&str>,
    ) -> Result<()> {
        let refused = |expected: &'static str| Error::InvalidArgument {
            name: "route pattern",
            value: crate::error::shown(pattern),
            expected: Cow::Borrowed(expected),
        };
        if !pattern.starts_with('/') || pattern.len() > PATTERN_BYTES_MAX {
            return Err(refused("a path that begins with `/`, at most 512 bytes"));
        }
        let last = pattern.trim_matches('/').split('/').count() - 1;
        for (index, part) in pattern.trim_matches('/').split('/').enumerate() {
            let is_well_formed = match part {
                "**" => index == last,
                _ => !part.contains("**") && part.contains('{') == part.contains('}'),
            };
            if !is_well_formed {
                return Err(refused("`**` only as the last part, and every `{` closed by a `}`"));
            }
        }
        if provider.is_none() && operation.is_none() {
            return Err(refused("a rule that names a provider or an operation"));
        }
        if self.rules.len() >= ROUTE_RULES_MAX {
            return Err(refused("at most 1000 rules"));
        }
        self.rules.push(RouteRule {
            method: method.map(str::to_ascii_uppercase),
            pattern: pattern.to_owned(),
            beginning: plain_beginning(pattern).to_owned(),
            provider: provider.map(str::to_owned),
            operation: operation.map(str::to_owned),
        });
        Ok(())
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// True without any rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first rule that fits a method and a path; a query is ignored.
    pub fn detect(&self, method: &str, path: &str) -> Detection {
        let path = path.find(['?', '#']).map_or(path, |end| &path[..end]);
        let trimmed = path.trim_matches('/');
        for rule in &self.rules {
            if !trimmed.starts_with(&rule.beginning) {
                continue;
            }
            let is_method =
                rule.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
            if !is_method {
                continue;
            }
            if let Some(model) = match_path(&rule.pattern, path) {
                return Detection {
                    provider: rule.provider.clone().map(Cow::Owned),
                    operation: rule.operation.clone().map(Cow::Owned),
                    model: model.map(str::to_owned),
                    confidence: Confidence::Certain,
                };
            }
        }
        Detection::unknown()
    }
}

/// A pattern without its outer `/`, up to its first wildcard.
fn plain_beginning(pattern: &str) -> &str {
    let trimmed = pattern.trim_matches('/');
    trimmed.find(['*', '{']).map_or(trimmed, |end| &trimmed[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_only_looks_like_a_provider_is_unknown() {
        let mut rules = RouteRules::new();
        rules.add(None, "/api/exa/**", Some("exa"), Some("search")).unwrap();
        for path in ["/api/examples", "/api/exa", "/API/exa/x", "/x/api/exa/y", "", "exa"] {
            assert!(rules.detect("GET", path).is_unknown(), "{path}");
        }
        assert_eq!(rules.detect("get", "/api/exa/a/b").provider.as_deref(), Some("exa"));
    }

    #[test]
    fn the_first_rule_wins_and_captures_the_model() {
        let mut rules = RouteRules::new();
        rules.add(Some("post"), "/run/{model}", Some("openai"), Some("chat")).unwrap();
        rules.add(None, "/run/*", None, Some("search")).unwrap();
        let first = rules.detect("POST", "/run/gpt-4o/");
        assert_eq!(first.model.as_deref(), Some("gpt-4o"));
        assert_eq!(rules.detect("PUT", "/run/gpt-4o").operation.as_deref(), Some("search"));
        assert_eq!(rules.len(), 2);
    }

    #[test]
    fn a_rule_that_cannot_be_is_refused() {
        let mut rules = RouteRules::new();
        for pattern in ["api", "/a/**/b", "/a/{b", "/a**", &format!("/{}", "x".repeat(600))] {
            assert!(rules.add(None, pattern, Some("exa"), None).is_err(), "{pattern}");
        }
        assert!(rules.add(None, "/a", None, None).is_err());
        assert!(rules.is_empty());
    }
}
