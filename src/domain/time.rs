//! Points in time with millisecond precision.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, civil};
use serde::{Deserialize, Serialize};

/// The first and the last moment that has a text: in UTC, the years 0001 to 9999.
const TEXT_RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

const EPOCH: civil::DateTime = civil::datetime(1970, 1, 1, 0, 0, 0, 0);

/// A UTC point in time, in whole milliseconds since the Unix epoch; years 0001 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Why a text is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimestamp {
    /// The text does not have the form of RFC 3339.
    #[error("not a date and time of RFC 3339 with seconds and an offset, for example 2026-01-31T09:30:00.000Z")]
    Malformed,
    /// The month, day, hour, minute or offset does not exist.
    #[error("a date, a time of day or an offset that does not exist")]
    NoSuchTime,
    /// The second is 60. Milliseconds since the Unix epoch skip leap seconds, so it would be read back as another one.
    #[error("a leap second, which can't be kept: send second 59 or the next minute")]
    LeapSecond,
    /// The year, here or in UTC, is 0 or has five digits.
    #[error("not in the years 0001 to 9999")]
    OutOfRange,
}

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

    /// How long it is from this time until `later`; zero if that is not later.
    pub fn until(self, later: Self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-01-31T09:30:00.000Z`. A time without a text is shown as the nearest one
    /// that has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearest = self.0.clamp(*TEXT_RANGE.start(), *TEXT_RANGE.end());
        let time = EPOCH.checked_add(SignedDuration::from_millis(nearest)).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}Z")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;
    /// Reads the `date-time` of RFC 3339, section 5.6, whose letters may be lower-case. Digits past the millisecond are
    /// cut off, and a leap second is refused.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let (local, rest) = split_date_time(text)?;
        let (millis, offset) = split_fraction(rest)?;
        let since_epoch = local.duration_since(EPOCH).as_secs() - offset_seconds(offset)?;
        let time = since_epoch * 1000 + millis;
        if TEXT_RANGE.contains(&time) { Ok(Self(time)) } else { Err(InvalidTimestamp::OutOfRange) }
    }
}

/// Splits a text after its date and time of day in whole seconds, as in `2026-01-31T09:30:00`.
pub(crate) fn split_date_time(text: &str) -> Result<(civil::DateTime, &str), InvalidTimestamp> {
    const FORM: &str = "0000-00-00T00:00:00";
    let (head, rest) = text.split_at_checked(FORM.len()).ok_or(InvalidTimestamp::Malformed)?;
    if !has_form(head, FORM) {
        return Err(InvalidTimestamp::Malformed);
    }
    let [month, day, hour, minute, second] = [5, 8, 11, 14, 17].map(|at| two_digits(head, at));
    if second == 60 {
        return Err(InvalidTimestamp::LeapSecond);
    }
    let year = i16::from(two_digits(head, 0)) * 100 + i16::from(two_digits(head, 2));
    if year == 0 {
        return Err(InvalidTimestamp::OutOfRange);
    }
    let time = civil::DateTime::new(year, month, day, hour, minute, second, 0);
    Ok((time.map_err(|_| InvalidTimestamp::NoSuchTime)?, rest))
}

/// Splits a text after its fraction of a second, which may be missing; returns the fraction in milliseconds.
fn split_fraction(text: &str) -> Result<(i64, &str), InvalidTimestamp> {
    let Some(fraction) = text.strip_prefix('.') else { return Ok((0, text)) };
    let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &fraction.as_bytes()[..fraction.len() - rest.len()];
    if digits.is_empty() {
        return Err(InvalidTimestamp::Malformed);
    }
    let millis = digits.iter().chain(b"00").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Ok((millis, rest))
}

/// Reads `Z`, or an offset such as `-08:00`.
fn offset_seconds(text: &str) -> Result<i64, InvalidTimestamp> {
    let sign = match text.as_bytes() {
        [b'Z' | b'z'] => return Ok(0),
        [b'+', ..] if has_form(text, "+00:00") => 1,
        [b'-', ..] if has_form(text, "-00:00") => -1,
        _ => return Err(InvalidTimestamp::Malformed),
    };
    match (two_digits(text, 1), two_digits(text, 4)) {
        (hours @ ..=23, minutes @ ..=59) => Ok(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60)),
        _ => Err(InvalidTimestamp::NoSuchTime),
    }
}

/// Whether the text has a digit wherever `form` has a 0, and else the same characters in any case.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte.eq_ignore_ascii_case(&form),
        })
}

/// The number that two digits of `text` make; `text` was checked to have them there.
fn two_digits(text: &str, at: usize) -> i8 {
    text.as_bytes()[at..at + 2].iter().fold(0, |sum, digit| sum * 10 + (digit - b'0') as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Result<String, InvalidTimestamp> {
        text.parse::<Timestamp>().map(|time| time.to_string())
    }

    #[test]
    fn prints_rfc_3339_with_milliseconds() {
        for (millis, text) in [
            (1_769_851_800_000, "2026-01-31T09:30:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (*TEXT_RANGE.start(), "0001-01-01T00:00:00.000Z"),
            (i64::MIN, "0001-01-01T00:00:00.000Z"),
            (*TEXT_RANGE.end(), "9999-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_unix_millis(millis).to_string(), text);
        }
    }

    #[test]
    fn every_text_of_rfc_3339_is_read() {
        for (text, read) in [
            ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000Z"),
            ("2026-01-31t09:30:00z", "2026-01-31T09:30:00.000Z"),
            ("2026-01-31T09:30:00.5Z", "2026-01-31T09:30:00.500Z"),
            ("2026-01-31T09:30:00.1239Z", "2026-01-31T09:30:00.123Z"),
            ("1969-12-31T23:59:59.99999999999999999999999999999999Z", "1969-12-31T23:59:59.999Z"),
            ("2026-01-31T10:30:00.0009+01:00", "2026-01-31T09:30:00.000Z"),
            ("2026-01-31T09:30:00+00:00", "2026-01-31T09:30:00.000Z"),
            ("2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00.000Z"),
            ("2026-01-31T00:00:00+23:59", "2026-01-30T00:01:00.000Z"),
            ("2026-01-31T00:00:00-23:59", "2026-01-31T23:59:00.000Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-31T22:59:59.999-01:00", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(time(text).as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn all_else_is_refused_with_the_reason() {
        use InvalidTimestamp::*;
        for (reason, texts) in [
            (
                Malformed,
                &[
                    "",
                    "now",
                    "2026-01-31",
                    "2026-01-31T09:30:00",
                    "2026-01-31T09:30Z",
                    "2026-01-31T09:30+01:00",
                    "2026-01-31T09Z",
                    "20260131T09:30:00Z",
                    "2026-01-31T093000Z",
                    "2026-031T09:30:00Z",
                    "2026-W05-6T09:30:00Z",
                    "26-01-31T09:30:00Z",
                    "02026-01-31T09:30:00Z",
                    "+002026-01-31T09:30:00Z",
                    "-001-01-31T09:30:00Z",
                    "10000-01-01T00:00:00Z",
                    "2026-1-31T09:30:00Z",
                    "2026-01-31 09:30:00Z",
                    "2026-01-31_09:30:00Z",
                    " 2026-01-31T09:30:00Z",
                    "2026-01-31T09:30:00Z ",
                    "2026-01-31T09:30:00 Z",
                    "2026-01-31T09:30:00Z\0",
                    "2026-01-31T09:30:00.Z",
                    "2026-01-31T09:30:00,5Z",
                    "2026-01-31T09:30:00.5",
                    "2026-01-31T09:30:00.-5Z",
                    "2026-01-31T09:30:00+01",
                    "2026-01-31T09:30:00+0100",
                    "2026-01-31T09:30:00+1:00",
                    "2026-01-31T09:30:00+01:00:00",
                    "2026-01-31T09:30:00\u{2212}01:00",
                    "2026-01-31T09:30:00ZZ",
                    "2026-01-31T09:30:00UTC",
                    "2026-01-31T09:30:00Z[UTC]",
                    "2026-01-31T09:30:\u{664}0Z",
                    "2026-01-31T09:30:0\u{e9}Z",
                    "1769851800000",
                ][..],
            ),
            (
                NoSuchTime,
                &[
                    "2026-13-01T00:00:00Z",
                    "2026-00-01T00:00:00Z",
                    "2026-02-29T00:00:00Z",
                    "2026-04-31T00:00:00Z",
                    "2026-01-00T00:00:00Z",
                    "2026-01-31T24:00:00Z",
                    "2026-01-31T09:60:00Z",
                    "2026-01-31T09:30:61Z",
                    "2026-01-31T09:30:00+24:00",
                    "2026-01-31T09:30:00+25:59",
                    "2026-01-31T09:30:00-01:60",
                    "2026-01-31T09:30:00+99:99",
                ],
            ),
            (LeapSecond, &["2016-12-31T23:59:60Z", "2016-12-31T15:59:60-08:00", "2026-01-31T09:30:60Z"]),
            (
                OutOfRange,
                &[
                    "0000-01-01T00:00:00Z",
                    "0000-12-31T23:59:59.999Z",
                    "0000-12-31T23:59:59-01:00",
                    "0001-01-01T00:59:59.999+01:00",
                    "9999-12-31T23:59:59.999-00:01",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(time(text), Err(reason), "{text:?}");
            }
        }
    }
}
