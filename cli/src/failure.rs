//! Failures: why a command could not be done, and what to do about it.

use std::path::Path;

use alwrity_metering::Error;

use crate::answer::Exit;

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The library says so.
    #[error(transparent)]
    Meter(#[from] Error),
    /// The arguments do not go together.
    #[error("{message}")]
    Usage {
        /// What is the matter.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A file, a worker or the terminal.
    #[error("{message}")]
    Other {
        /// What is the matter.
        message: String,
        /// What to do, if anything is known.
        hint: Option<String>,
    },
    /// Whoever read the answer has gone away; nothing is said about it.
    #[error("the output is closed")]
    OutputClosed,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::Other { message: message.into(), hint: None }
    }

    pub(crate) fn other_with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Other { message: message.into(), hint: Some(hint.into()) }
    }

    /// A file that could not be read or written.
    pub(crate) fn file(action: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::other(format!("could not {action} `{}`: {error}", path.display()))
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Meter(error) => Some(error.hint().to_owned()),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Other { hint, .. } => hint.clone(),
            Self::OutputClosed => None,
        }
    }

    /// 2 when what was typed is not accepted, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        let is_usage = match self {
            Self::Usage { .. } => true,
            Self::Meter(error) => is_about_an_argument(error),
            Self::Other { .. } | Self::OutputClosed => false,
        };
        if is_usage { Exit::Usage.code() } else { Exit::Difference.code() }
    }
}

/// Whether an error can only be about what was typed, never about a file or the store.
fn is_about_an_argument(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidAmount { .. }
            | Error::InvalidUsage { .. }
            | Error::InvalidTime { .. }
            | Error::InvalidName { .. }
            | Error::InvalidArgument { .. }
            | Error::InvalidQuery { .. }
            | Error::InvalidOption { .. }
    )
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::other(format!("could not write the answer: {error}")),
        }
    }
}
