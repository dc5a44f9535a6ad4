//! Points in time with millisecond precision.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A UTC point in time, in whole milliseconds since the Unix epoch; years 0001 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 date-time with an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time as RFC 3339 has them, for example 2026-01-31T09:30:00.000Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch; times before it count as 0.
    pub fn unix_millis_clamped(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }

    /// The time `duration` later; the largest representable time if that is past it.
    pub fn plus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time `duration` earlier; the smallest representable time if that is before it.
    pub fn minus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-01-31T09:30:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearest =
            self.0.clamp(jiff::Timestamp::MIN.as_millisecond() + 1, jiff::Timestamp::MAX.as_millisecond() - 1);
        let time = jiff::Timestamp::from_millisecond(nearest).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;
    /// Any offset is accepted and digits past the millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        // The parser takes more than RFC 3339 has: bracketed zone names, and times without minutes.
        if text.len() > 40 || text.contains('[') || text.matches(':').count() < 2 {
            return Err(InvalidTimestamp);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        Ok(Self(time.as_nanosecond().div_euclid(1_000_000) as i64))
    }
}

/// A source of the current time; tests use one that stands still.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp::from_unix_millis(1_769_851_800_000).to_string(), "2026-01-31T09:30:00.000Z");
        assert_eq!(Timestamp::from_unix_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn parses_offsets_and_cuts_to_milliseconds() {
        for text in ["2026-01-31T10:30:00.0009+01:00", "2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000Z"] {
            assert_eq!(text.parse(), Ok(Timestamp::from_unix_millis(1_769_851_800_000)), "{text}");
        }
        for text in
            ["", "2026-01-31", "2026-01-31T09:30:00", "2026-13-01T00:00:00Z", "2026-01-31T09:30:00Z[UTC]", "now"]
        {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }
}
