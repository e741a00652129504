//! Enums whose variants have one stable name and code, the same in rows, JSON and the CLI.

/// Defines an enum whose variants have one stable name each, in rows, JSON and the CLI.
macro_rules! named {
    ($(#[doc = $doc:literal])+ $name:ident $field:literal {
        $(#[doc = $variant_doc:literal] $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $(#[doc = $variant_doc] #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All of them, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The stable code in rows: the place in [`Self::ALL`], which only grows at its end.
            pub fn code(self) -> i64 {
                let place = Self::ALL.iter().position(|one| *one == self);
                place.and_then(|place| i64::try_from(place).ok()).unwrap_or(-1)
            }

            /// The one with that code.
            pub fn from_code(code: i64) -> crate::error::Result<Self> {
                let place = usize::try_from(code).ok();
                place.and_then(|place| Self::ALL.get(place)).copied().ok_or_else(|| {
                    crate::error::Error::Internal {
                        reason: format!(concat!("no ", $field, " has the code {}"), code),
                    }
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::error::Error;

            fn from_str(text: &str) -> crate::error::Result<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == text).ok_or_else(|| {
                    crate::error::Error::InvalidName {
                        field: $field,
                        value: crate::error::shown(text),
                        expected: concat!("one of" $(, " `", $text, "`")+),
                    }
                })
            }
        }
    };
}
pub(crate) use named;
