//! Retrying: a work that failed in a way that may pass is tried again, with the same keys.

use std::time::Duration;

use alwrity_metering::Result;

/// How often a work is tried, and the first wait between.
const ATTEMPTS_MAX: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Tries a work again, with the same key, while it fails in a way that may pass.
pub(crate) fn retried<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS_MAX {
        match work() {
            Err(error) if error.is_retryable() => std::thread::sleep(wait),
            answered => return answered,
        }
        wait *= 2;
    }
    work()
}

#[cfg(test)]
mod tests {
    use alwrity_metering::Error;

    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_but_not_for_ever() {
        let mut attempts = 0;
        let outcome: Result<()> = retried(|| {
            attempts += 1;
            Err(Error::Overloaded { waited_ms: 1 })
        });
        assert_eq!((outcome.unwrap_err().code(), attempts), ("overloaded", ATTEMPTS_MAX));
        let mut attempts = 0;
        let outcome: Result<()> = retried(|| {
            attempts += 1;
            Err(Error::Closed {})
        });
        assert_eq!((outcome.unwrap_err().code(), attempts), ("closed", 1));
    }
}
