//! Usage periods: the months that limits count in, always computed from an anchor.
//!
//! The n-th period starts at anchor + n months. It is never computed from the period before it,
//! so an anchor on the 31st comes back to the 31st after a February.

use serde::{Deserialize, Serialize};

use super::time::{Span, Timestamp};

/// The instant that periods are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Anchor(pub Timestamp);

impl Anchor {
    /// The anchor of calendar months.
    pub const CALENDAR: Self = Self(Timestamp::MIN);

    /// The period of `months` months that contains the instant.
    ///
    /// ```
    /// use alwrity_metering::{Anchor, Timestamp};
    /// let anchor = Anchor("2025-01-31T00:00:00Z".parse()?);
    /// let period = anchor.period(1, "2025-03-01T00:00:00Z".parse()?);
    /// assert_eq!(period.starts_at.to_string(), "2025-02-28T00:00:00Z");
    /// assert_eq!(period.ends_at.to_string(), "2025-03-31T00:00:00Z");
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn period(self, months: u32, at: Timestamp) -> Span {
        self.period_from(0, months, at)
    }

    /// The same, where periods start `offset_months` months after the anchor and every `months`
    /// from there: a year that was begun in the fifth month has its offset, and the phase of the
    /// months stays.
    pub fn period_from(self, offset_months: i64, months: u32, at: Timestamp) -> Span {
        let length = i64::from(months.max(1));
        let months_apart = at.month_number() - self.0.month_number() - offset_months;
        let guess = months_apart.div_euclid(length);
        let start = |index: i64| self.0.plus_months(offset_months + index * length);
        // The day and time within the month may put the instant one period before the guess.
        let guessed = start(guess);
        if guessed > at {
            Span { starts_at: start(guess - 1), ends_at: guessed }
        } else {
            Span { starts_at: guessed, ends_at: start(guess + 1) }
        }
    }

    /// The months from the anchor to the start of the month that contains the instant.
    pub fn months_until(self, at: Timestamp) -> i64 {
        self.month(at).starts_at.month_number() - self.0.month_number()
    }

    /// The month from this anchor that contains the instant.
    pub fn month(self, at: Timestamp) -> Span {
        self.period(1, at)
    }
}
