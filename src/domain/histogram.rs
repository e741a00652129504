//! Response times in fixed buckets: small enough to keep for every user, provider and day.
//!
//! Up to 16 ms each millisecond is a bucket; above, every doubling has 16 of them, so that a
//! bucket is at most 1/16 wider than its start and its middle is at most 3.2 % off.

/// Buckets of one doubling, as a power of two.
const STEPS_LOG2: u32 = 4;
const STEPS: i64 = 1 << STEPS_LOG2;

/// The bucket of a response time in ms; negative ones count as 0.
pub fn bucket(response_time_ms: i64) -> i64 {
    let ms = response_time_ms.max(0);
    if ms < STEPS {
        return ms;
    }
    let doublings = 63 - ms.leading_zeros() - STEPS_LOG2;
    STEPS + i64::from(doublings) * STEPS + ((ms >> doublings) & (STEPS - 1))
}

/// The range of a bucket in ms: its start and the start of the next.
pub fn range_ms(bucket: i64) -> (i64, i64) {
    let start = |bucket: i64| {
        if bucket < STEPS {
            return bucket;
        }
        let (doublings, step) = ((bucket - STEPS) / STEPS, (bucket - STEPS) % STEPS);
        (STEPS + step).checked_shl(u32::try_from(doublings).unwrap_or(63)).unwrap_or(i64::MAX)
    };
    (start(bucket.max(0)), start(bucket.max(0) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_range_of_its_bucket() {
        let mut ms = 0_i64;
        while ms < 1 << 40 {
            let (start, next) = range_ms(bucket(ms));
            assert!(start <= ms && ms < next, "{ms} is not in {start}..{next}");
            assert!((next - start) * STEPS <= start.max(STEPS), "{start}..{next}");
            ms += 1 + ms / 37;
        }
    }

    #[test]
    fn buckets_ascend_with_the_time() {
        assert!((0..100_000).all(|ms| bucket(ms) <= bucket(ms + 1)));
        assert_eq!((bucket(-5), bucket(0), bucket(15), bucket(16)), (0, 0, 15, 16));
    }
}
