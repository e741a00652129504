//! Idempotency keys: the text that makes a repeat harmless, and the 16 bytes that stand for it.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, shown};

/// The digest of a user's idempotency key: the first half of SHA-256 over user, 0 and key.
///
/// It also names the hold that is open under the key, as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey([u8; 16]);

impl CallKey {
    /// The digest of that user's key.
    pub fn new(user: &str, key: &str) -> Self {
        Self::digest(&[user.as_bytes(), b"\0", key.as_bytes()])
    }

    /// The key of the row that corrects the row of this key.
    #[must_use]
    pub fn correction(self) -> Self {
        Self::digest(&[&self.0, b"\0correction"])
    }

    /// The bytes as they are stored.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the bytes as they are stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    fn digest(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hash.finalize()[..16]);
        Self(half)
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(32);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        f.pad(&text)
    }
}

impl FromStr for CallKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let digits = text.as_bytes();
            let is_hex = digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit);
            let number = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
            Some(Self(number.to_be_bytes()))
        };
        parse().ok_or_else(|| Error::InvalidName {
            field: "hold_id",
            value: shown(text),
            expected: "the 32 hexadecimal digits that `reserve` returned",
        })
    }
}

impl Serialize for CallKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_user() {
        assert_ne!(CallKey::new("a", "k"), CallKey::new("b", "k"));
        assert_ne!(CallKey::new("a", "bk"), CallKey::new("ab", "k"));
        let key = CallKey::new("a", "k");
        assert_eq!(key.to_string().parse::<CallKey>().unwrap(), key);
        assert!("xyz".parse::<CallKey>().is_err());
        assert_ne!(key.correction(), key);
    }
}
