//! Names that cross the border: trimmed, bounded, without control characters.

use crate::error::{Error, Result, shown};

/// Checks a text that is kept as it is: 1 to `bytes_max` bytes, no control characters.
pub(crate) fn checked<'a>(field: &'static str, text: &'a str, bytes_max: usize) -> Result<&'a str> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_clean = is_plain || (!text.chars().any(char::is_control) && text.trim() == text);
    if is_clean && (1..=bytes_max).contains(&text.len()) {
        Ok(text)
    } else {
        let expected = match bytes_max {
            255 => "1 to 255 bytes without control characters or blanks around",
            _ => "1 to 128 bytes without control characters or blanks around",
        };
        Err(Error::InvalidName { field, value: shown(text), expected })
    }
}

/// A user's id, as the host knows it: kept exactly, 1 to 255 bytes.
pub(crate) fn user(text: &str) -> Result<&str> {
    checked("user", text, 255)
}

/// An idempotency key: kept exactly, 1 to 255 bytes.
pub(crate) fn idempotency_key(text: &str) -> Result<&str> {
    checked("idempotency_key", text, 255)
}

/// A provider, model, plan or limit: trimmed and in lower case, 1 to 128 bytes.
pub(crate) fn normalised(field: &'static str, text: &str) -> Result<String> {
    checked(field, text.trim(), 128).map(str::to_lowercase)
}
