//! Answers: what a command says and how it ends.

use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;

/// How a command ends when nothing failed, as its exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is done, or allowed.
    Done,
    /// Something is not as it should be.
    Difference,
    /// The command line is not accepted.
    Usage,
    /// A limit refuses.
    Refused,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Difference => 1,
            Self::Usage => 2,
            Self::Refused => 3,
        }
    }
}

/// Something that is said on standard error beside the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// What is the matter.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// Whether it is why the command ends as a failure.
    pub(crate) is_error: bool,
}

/// What a command says: one document, without the end of its last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) exit: Exit,
    pub(crate) warnings: Vec<Warning>,
}

impl Answer {
    /// The value as JSON with `--json`, else the text for people.
    pub(crate) fn new(
        context: &Context<'_>,
        value: &impl Serialize,
        people: impl FnOnce() -> String,
    ) -> Result<Self, Failure> {
        let text = if context.global.json {
            serde_json::to_string_pretty(value)
                .map_err(|error| Failure::other(error.to_string()))?
        } else {
            people()
        };
        Ok(Self { text, exit: Exit::Done, warnings: Vec::new() })
    }

    /// The same answer with another end.
    pub(crate) fn ends(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same answer with something said beside it: an error where the answer ends with a
    /// difference already, else a warning.
    pub(crate) fn warns(mut self, message: impl Into<String>, hint: Option<&str>) -> Self {
        let is_error = self.exit == Exit::Difference;
        let hint = hint.map(str::to_owned);
        self.warnings.push(Warning { message: message.into(), hint, is_error });
        self
    }
}
