//! The arithmetic of rate limits.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::time::Duration;

/// A token bucket: it holds `capacity` points, starts full and refills evenly, from empty to full in `refill`.
///
/// The state of a bucket is a single number, the time until it is full again (the generic cell rate algorithm,
/// ITU-T I.371). This type has the parameters and converts between points and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBucket {
    /// At least 1.
    capacity: u32,
    refill: Duration,
}

impl TokenBucket {
    /// A bucket of `capacity` points that refills in `refill`. Clamped to at least 1 point and to 1 ms to 100 days.
    pub fn new(capacity: u32, refill: Duration) -> Self {
        const LONGEST: Duration = Duration::from_secs(100 * 24 * 3600);
        Self { capacity: capacity.max(1), refill: refill.clamp(Duration::from_millis(1), LONGEST) }
    }

    /// How many points a full bucket holds.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How long an empty bucket takes to fill.
    pub fn refill(&self) -> Duration {
        self.refill
    }

    /// How long an empty bucket takes to fill, in microseconds.
    pub fn refill_micros(&self) -> u64 {
        // Exact: `new` limits the duration.
        self.refill.as_micros() as u64
    }

    /// How long `points` take to refill, in microseconds. More than the capacity counts as the capacity.
    pub fn refill_micros_of(&self, points: u64) -> u64 {
        let points = u128::from(points.min(self.capacity.into()));
        // At most `refill_micros`, which is in range.
        (points * self.refill.as_micros()).div_ceil(self.capacity.into()) as u64
    }

    /// How many points a bucket holds that will be full after `reset_after`.
    pub fn remaining(&self, reset_after: Duration) -> u32 {
        let filled = self.refill.saturating_sub(reset_after).as_micros() * u128::from(self.capacity);
        // At most the capacity.
        (filled / self.refill.as_micros()) as u32
    }

    /// Charges a bucket that is full at `full_at`; times are microseconds on one clock. `spent` is taken in any case, down
    /// to a whole capacity below zero; what is negative is returned. Then `asked` is taken if the bucket holds as much.
    /// Both are times to refill, as [`Self::refill_micros_of`] has them. Returns whether `asked` was taken, and when the
    /// bucket is full now.
    pub fn charge(&self, full_at: u64, now: u64, spent: i64, asked: u64) -> (bool, u64) {
        let latest = now.saturating_add(2 * self.refill_micros());
        let spent_until = full_at.max(now).saturating_add_signed(spent).clamp(now, latest);
        let taken = asked == 0 || (spent_until - now).saturating_add(asked) <= self.refill_micros();
        (taken, if taken { spent_until + asked } else { spent_until })
    }

    /// Points that refill in a second.
    pub fn per_second(&self) -> f64 {
        f64::from(self.capacity) / self.refill.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_convert_to_time_and_back() {
        let bucket = TokenBucket::new(1000, Duration::from_secs(10));
        assert_eq!(bucket.refill_micros_of(1), 10_000);
        assert_eq!(bucket.refill_micros_of(5000), bucket.refill_micros());
        assert_eq!(bucket.remaining(Duration::ZERO), 1000);
        assert_eq!(bucket.remaining(Duration::from_micros(10_000)), 999);
        assert_eq!(bucket.remaining(Duration::from_secs(11)), 0);
        assert!((bucket.per_second() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_charge_takes_what_was_spent_in_any_case_and_what_is_asked_if_it_is_there() {
        let bucket = TokenBucket::new(10, Duration::from_millis(1));
        for (full_at, spent, asked, taken, after) in [
            (0, 0, 1000, true, 6000),
            (0, 0, 1001, false, 5000),
            (5400, 0, 600, true, 6000),
            (5400, 0, 601, false, 5400),
            (5400, 300, 301, false, 5700),
            (5400, 900, 0, true, 6300),
            (5400, 9000, 0, true, 7000),
            (5400, -300, 900, true, 6000),
            (5400, -9000, 1000, true, 6000),
        ] {
            assert_eq!(bucket.charge(full_at, 5000, spent, asked), (taken, after), "{full_at} {spent} {asked}");
        }
    }

    #[test]
    fn extreme_parameters_stay_in_range() {
        for bucket in [TokenBucket::new(0, Duration::ZERO), TokenBucket::new(u32::MAX, Duration::MAX)] {
            assert_eq!(bucket.refill_micros_of(u64::MAX), bucket.refill_micros());
            assert_eq!(bucket.remaining(Duration::ZERO), bucket.capacity());
            assert_eq!(bucket.remaining(Duration::MAX), 0);
        }
    }
}
