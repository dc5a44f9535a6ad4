//! Sources of the current time, and how far two clocks are apart.

use std::time::Duration;

use super::Timestamp;

/// A source of the current time; tests use one that is wrong.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// How far a clock is ahead of another one, in milliseconds; negative if it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset(i64);

impl ClockOffset {
    /// The largest offset with which the ages of what is stored can be trusted.
    const TOLERATED: Duration = Duration::from_secs(30);
    /// How far the clocks of two nodes may be apart: each is as far from the database's as tolerated.
    pub const BETWEEN_NODES: Duration = Duration::from_secs(2 * Self::TOLERATED.as_secs());

    /// The offset of a clock that was read before and after the other one: the smallest that explains the three times.
    pub fn measured(before: Timestamp, other: Timestamp, after: Timestamp) -> Self {
        let nearest = other.unix_millis().min(after.unix_millis()).max(before.unix_millis());
        Self(nearest.saturating_sub(other.unix_millis()))
    }

    /// Whether the clocks are close enough to each other.
    pub fn is_tolerated(self) -> bool {
        u128::from(self.0.unsigned_abs()) <= Self::TOLERATED.as_millis()
    }

    /// In seconds; negative if the clock is behind.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(before: i64, other: i64, after: i64) -> i64 {
        let [before, other, after] = [before, other, after].map(Timestamp::from_unix_millis);
        ClockOffset::measured(before, other, after).0
    }

    #[test]
    fn the_time_that_a_reading_takes_is_no_offset() {
        assert_eq!(offset(1000, 1000, 1000), 0);
        assert_eq!([1000, 1500, 5000].map(|other| offset(1000, other, 5000)), [0, 0, 0]);
        assert_eq!(offset(2000, 1999, 9000), 1, "ahead");
        assert_eq!(offset(2000, 9001, 9000), -1, "behind");
        assert_eq!(offset(i64::MAX, i64::MIN, i64::MAX), i64::MAX);
    }

    #[test]
    fn offsets_of_up_to_half_a_minute_are_tolerated() {
        for (millis, tolerated) in [(0, true), (30_000, true), (-30_000, true), (30_001, false), (-30_001, false)] {
            assert_eq!(ClockOffset(millis).is_tolerated(), tolerated, "{millis}");
        }
        assert!(!ClockOffset(i64::MIN).is_tolerated());
    }
}
