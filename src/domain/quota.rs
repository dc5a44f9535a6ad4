//! How much somebody may take over time.

use std::time::Duration;

/// A bucket of points, full at first, that fills again evenly: `points` in the time `refill`. It is kept as the time
/// that is left until it is full (the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many points it holds, 1 at least.
    points: u32,
    /// How long an empty bucket takes to be full.
    refill: Duration,
}

impl Quota {
    /// A bucket of so many points, 1 at least, that is filled in this time, 1 ms to 100 days.
    pub fn new(points: u32, refill: Duration) -> Self {
        const LONGEST: Duration = Duration::from_secs(100 * 24 * 3600);
        Self { points: points.max(1), refill: refill.clamp(Duration::from_millis(1), LONGEST) }
    }

    /// How many points it holds.
    pub fn points(&self) -> u32 {
        self.points
    }

    /// How long it takes to be full when it is empty, in microseconds.
    pub fn size_micros(&self) -> u64 {
        // Exact: the time is limited.
        self.refill.as_micros() as u64
    }

    /// How long so many points take to come back, in microseconds; more than the bucket holds count as a full one.
    pub fn micros_of(&self, points: u64) -> u64 {
        let points = u128::from(points.min(self.points.into()));
        // No more than the size, which is in range.
        (points * self.refill.as_micros()).div_ceil(self.points.into()) as u64
    }

    /// How many points are in it when it is full in this time.
    pub fn available(&self, full_in: Duration) -> u32 {
        let filled = self.refill.saturating_sub(full_in).as_micros() * u128::from(self.points);
        // No more than all of them.
        (filled / self.refill.as_micros()) as u32
    }

    /// How many points come back in a second.
    pub fn per_second(&self) -> f64 {
        f64::from(self.points) / self.refill.as_secs_f64()
    }

    /// How long an empty bucket takes to be full.
    pub fn refill(&self) -> Duration {
        self.refill
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_time_are_the_same() {
        let quota = Quota::new(1000, Duration::from_secs(10));
        assert_eq!(quota.micros_of(1), 10_000);
        assert_eq!(quota.micros_of(5000), quota.size_micros());
        assert_eq!(quota.available(Duration::ZERO), 1000);
        assert_eq!(quota.available(Duration::from_micros(10_000)), 999);
        assert_eq!(quota.available(Duration::from_secs(11)), 0);
        assert!((quota.per_second() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn extremes_are_in_range() {
        for quota in [Quota::new(0, Duration::ZERO), Quota::new(u32::MAX, Duration::MAX)] {
            assert_eq!(quota.micros_of(u64::MAX), quota.size_micros());
            assert_eq!(quota.available(Duration::ZERO), quota.points());
            assert_eq!(quota.available(Duration::MAX), 0);
        }
    }
}
