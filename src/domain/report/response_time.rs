//! Response times: percentiles and the share within a promise, from the fixed histogram.
//!
//! A percentile is the middle of the bucket that holds it: exact up to 16 ms, and above at most
//! 3.2 % off. A share within a promise counts whole buckets exactly and divides the one that the
//! promise falls into evenly, so it is off by less than that bucket's calls.

use std::collections::BTreeMap;

use crate::domain::histogram::range_ms;
use crate::domain::limit::percent;

/// How many calls took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseTimes {
    buckets: BTreeMap<i64, i64>,
}

impl ResponseTimes {
    /// Counts calls of a bucket.
    pub fn add(&mut self, bucket: i64, calls: i64) {
        *self.buckets.entry(bucket).or_insert(0) += calls;
    }

    fn calls(&self) -> i128 {
        self.buckets.values().map(|calls| i128::from(*calls)).sum()
    }

    /// The time in ms that this percentage of the calls did not exceed, 1–100; nothing without
    /// calls that have a time.
    pub fn percentile_ms(&self, percentage: u8) -> Option<i64> {
        let calls = self.calls();
        // Nearest rank: the smallest time that at least this share of the calls kept to.
        let rank = (calls * i128::from(percentage) + 99) / 100;
        let mut passed = 0;
        self.buckets.iter().find_map(|(bucket, calls)| {
            passed += i128::from(*calls);
            let (start, next) = range_ms(*bucket);
            (passed >= rank.max(1)).then(|| start + (next - start - 1) / 2)
        })
    }

    /// The calls in percent that took at most so many ms; nothing without calls that have a time.
    pub fn within_percent(&self, sla_ms: i64) -> Option<f64> {
        // In thousandths of a call, since a bucket may be cut.
        let within: i128 = self
            .buckets
            .iter()
            .map(|(bucket, calls)| {
                let (start, next) = range_ms(*bucket);
                let inside = (sla_ms.saturating_add(1)).clamp(start, next) - start;
                i128::from(*calls) * 1000 * i128::from(inside) / i128::from(next - start)
            })
            .sum();
        percent(within, self.calls() * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::histogram::bucket;

    fn times(ms: impl IntoIterator<Item = i64>) -> ResponseTimes {
        let mut times = ResponseTimes::default();
        ms.into_iter().for_each(|ms| times.add(bucket(ms), 1));
        times
    }

    #[test]
    fn percentiles_are_within_the_stated_error() {
        let mut sorted: Vec<i64> = (1..=2000_i64).map(|n| n * n % 60_000 + n).collect();
        let found = times(sorted.iter().copied());
        sorted.sort_unstable();
        for percentage in [1_u8, 50, 95, 99, 100] {
            let rank = sorted.len() * usize::from(percentage) / 100;
            let (exact, shown) = (sorted[rank - 1], found.percentile_ms(percentage).unwrap());
            assert!((shown - exact).abs() * 1000 <= exact * 32, "{percentage}: {exact} {shown}");
        }
        assert_eq!(times([7]).percentile_ms(50), Some(7));
        assert_eq!(times([]).percentile_ms(50), None);
    }

    #[test]
    fn a_promise_is_kept_by_the_calls_below_it() {
        let share =
            |sla_ms| times([1, 2, 10, 5000]).within_percent(sla_ms).map(|share| share.to_string());
        let shares = [0, 1, 2, 9, 10, 100_000].map(|sla_ms| share(sla_ms).unwrap());
        assert_eq!(shares, ["0", "25", "50", "50", "75", "100"]);
        assert_eq!(times([]).within_percent(5), None);
    }
}
