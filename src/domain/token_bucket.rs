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
    fn extreme_parameters_stay_in_range() {
        for bucket in [TokenBucket::new(0, Duration::ZERO), TokenBucket::new(u32::MAX, Duration::MAX)] {
            assert_eq!(bucket.refill_micros_of(u64::MAX), bucket.refill_micros());
            assert_eq!(bucket.remaining(Duration::ZERO), bucket.capacity());
            assert_eq!(bucket.remaining(Duration::MAX), 0);
        }
    }
}
