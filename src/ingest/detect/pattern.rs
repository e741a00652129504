//! Patterns of hosts and paths, matched part by part and never by substring.
//!
//! A part of a pattern is literal text, `*` or `{name}` for any one part, a mix such as
//! `{model}:predict`, or, at the open end, `**` for one or more parts of any kind.

use crate::ingest::work::visited;

/// What `{model}` stood for, if the pattern has it.
pub(super) type Captured<'t> = Option<&'t str>;

/// Whether a path fits a pattern; both without the leading `/`, a trailing `/` is ignored.
pub(super) fn match_path<'t>(pattern: &str, path: &'t str) -> Option<Captured<'t>> {
    let mut parts = path.trim_matches('/').split('/');
    let mut captured = None;
    let mut wanted = pattern.trim_matches('/').split('/').peekable();
    while let Some(want) = wanted.next() {
        if want == "**" && wanted.peek().is_none() {
            return parts.next().filter(|part| !part.is_empty()).map(|_| captured);
        }
        let part = parts.next()?;
        captured = match_part(want, part, Case::Exact)?.or(captured);
    }
    parts.next().is_none().then_some(captured)
}

/// Whether a host fits a pattern, label by label, whatever the case of ASCII letters.
pub(super) fn match_host(pattern: &str, host: &str) -> bool {
    if !ends_alike(pattern, host) {
        return false;
    }
    let mut labels = host.rsplit('.');
    let mut wanted = pattern.rsplit('.').peekable();
    while let Some(want) = wanted.next() {
        if want == "**" && wanted.peek().is_none() {
            return labels.next().is_some_and(|label| !label.is_empty());
        }
        let Some(label) = labels.next() else { return false };
        if match_part(want, label, Case::Ignored).is_none() {
            return false;
        }
    }
    labels.next().is_none()
}

/// Whether the last bytes are the same, where the pattern is plain there: a quick no.
fn ends_alike(pattern: &str, host: &str) -> bool {
    let (mut want, mut have) = (pattern.bytes().rev(), host.bytes().rev());
    for _ in 0..6 {
        match (want.next(), have.next()) {
            (None | Some(b'*'), _) => return true,
            (Some(want), Some(have)) if want.eq_ignore_ascii_case(&have) => {}
            _ => return false,
        }
    }
    true
}

#[derive(Clone, Copy)]
enum Case {
    Exact,
    Ignored,
}

fn match_part<'t>(want: &str, part: &'t str, case: Case) -> Option<Captured<'t>> {
    visited(part.len());
    let same = |want: &str, part: &str| match case {
        Case::Exact => want == part,
        Case::Ignored => want.eq_ignore_ascii_case(part),
    };
    let Some((before, name, after)) = split_wildcard(want) else {
        return same(want, part).then_some(None);
    };
    let middle = part.len().checked_sub(before.len() + after.len()).filter(|length| *length > 0)?;
    let start = part.get(..before.len())?;
    let inner = part.get(before.len()..before.len() + middle)?;
    let end = part.get(before.len() + middle..)?;
    (same(before, start) && same(after, end)).then(|| (name == "model").then_some(inner))
}

/// The text before a wildcard, its name, and the text after it.
fn split_wildcard(want: &str) -> Option<(&str, &str, &str)> {
    if let Some((before, rest)) = want.split_once('{') {
        let (name, after) = rest.split_once('}')?;
        return Some((before, name, after));
    }
    want.split_once('*').map(|(before, after)| (before, "", after))
}

/// The host and the path of a URL, without user, port, query and fragment.
///
/// A scheme other than HTTP and WebSocket answers `None`; a missing one is taken as HTTP.
pub(super) fn split_url(url: &str) -> Option<(&str, &str)> {
    let url = url.trim();
    visited(url.len());
    let rest = match url.split_once("://") {
        None => url,
        Some((scheme, rest)) => {
            let schemes = ["https", "http", "wss", "ws"];
            schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(rest)?
        }
    };
    // A client takes `\` for `/`, so it ends the host here too.
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || tail.starts_with('\\') {
        return (!host.is_empty()).then_some((host, ""));
    }
    let path = tail.find(['?', '#']).map_or(tail, |end| &tail[..end]);
    Some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_part_by_part() {
        for (pattern, path, expected) in [
            ("v1/chat/completions", "/v1/chat/completions", Some(None)),
            ("v1/chat/completions", "/v1/chat/completions/", Some(None)),
            ("v1/chat/completions", "/v1/chat/completionsx", None),
            ("v1/chat/completions", "/x/v1/chat/completions", None),
            ("v1/*/x", "/v1/y/x", Some(None)),
            ("v1/*/x", "/v1/x", None),
            ("v1/**", "/v1/a/b/c", Some(None)),
            ("v1/**", "/v1", None),
            ("v1/models/{model}:run", "/v1/models/m-1:run", Some(Some("m-1"))),
            ("v1/models/{model}:run", "/v1/models/:run", None),
            ("api/{user}/example", "/api/example", None),
            ("", "/", Some(None)),
        ] {
            assert_eq!(match_path(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn hosts_match_label_by_label() {
        for (pattern, host, expected) in [
            ("api.openai.com", "API.OpenAI.com", true),
            ("api.openai.com", "api.openai.com.evil.test", false),
            ("api.openai.com", "xapi.openai.com", false),
            ("api.openai.com", "x.api.openai.com", false),
            ("*.openai.azure.com", "my.openai.azure.com", true),
            ("*.openai.azure.com", "openai.azure.com", false),
            ("*-aiplatform.googleapis.com", "us-east1-aiplatform.googleapis.com", true),
            ("*-aiplatform.googleapis.com", "-aiplatform.googleapis.com", false),
            ("**.endpoints.huggingface.cloud", "a.b.endpoints.huggingface.cloud", true),
        ] {
            assert_eq!(match_host(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn a_url_is_split_as_a_client_splits_it() {
        for (url, expected) in [
            ("https://a.test/x?y#z", Some(("a.test", "/x"))),
            ("https://a.test", Some(("a.test", ""))),
            ("https://a.test:8443/x", Some(("a.test", "/x"))),
            ("https://api.openai.com@evil.test/v1", Some(("evil.test", "/v1"))),
            ("https://evil.test\\@api.openai.com/v1", Some(("evil.test", ""))),
            ("https://evil.test?x=://api.openai.com/", Some(("evil.test", ""))),
            ("a.test/x", Some(("a.test", "/x"))),
            ("https://a.test./x", Some(("a.test", "/x"))),
            ("ftp://a.test/x", None),
            ("/only/a/path", None),
            ("", None),
        ] {
            assert_eq!(split_url(url), expected, "{url}");
        }
    }
}
