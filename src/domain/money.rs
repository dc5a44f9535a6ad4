//! Exact money: integers of 1/10,000 of the currency's unit, never floats.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An exact decimal with up to 4 decimals, between -922,337,203,685,477.5808 and 922,337,203,685,477.5807.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(i64);

/// The text is not a decimal that a [`Decimal`] can hold exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal with up to 4 decimals, for example \"12.50\"")]
pub struct InvalidDecimal;

impl Decimal {
    /// The amount 0.
    pub const ZERO: Self = Self(0);
    const SCALE: u64 = 10_000;
    /// Length of the longest text, in bytes.
    pub const TEXT_LEN: usize = 21;

    /// From units of 1/10,000.
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// Units of 1/10,000.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// The text with 2 to 4 decimals: `12.50`, `0.001`. Answers hold thousands of amounts, so it avoids `fmt`.
    pub fn text(self, buffer: &mut [u8; Self::TEXT_LEN]) -> &str {
        let magnitude = self.0.unsigned_abs();
        let (mut whole, mut fraction) = (magnitude / Self::SCALE, magnitude % Self::SCALE);
        let mut start = buffer.len();
        let mut put = |byte| {
            start -= 1;
            buffer[start] = byte;
        };
        let mut decimals = 4;
        while decimals > 2 && fraction % 10 == 0 {
            (decimals, fraction) = (decimals - 1, fraction / 10);
        }
        for _ in 0..decimals {
            put(digit(fraction));
            fraction /= 10;
        }
        put(b'.');
        put(digit(whole));
        while whole >= 10 {
            whole /= 10;
            put(digit(whole));
        }
        if self.0 < 0 {
            put(b'-');
        }
        match std::str::from_utf8(&buffer[start..]) {
            Ok(text) => text,
            Err(_) => unreachable!("digits, a point and a minus are ASCII"),
        }
    }

    /// The sum; `None` if it is out of range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The product; `None` if it is out of range.
    pub fn checked_mul(self, count: i32) -> Option<Self> {
        self.0.checked_mul(i64::from(count)).map(Self)
    }
}

/// The last digit of a number, in ASCII.
fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

impl fmt::Display for Decimal {
    /// Writes [`Decimal::text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; Self::TEXT_LEN]))
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;
    /// An optional minus, at least one digit, and optionally a point with 1 to 4 digits; nothing else.
    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 4 {
            return Err(InvalidDecimal);
        }
        let units: i64 =
            format!("{}{whole}{fraction:0<4}", if negative { "-" } else { "" }).parse().map_err(|_| InvalidDecimal)?;
        Ok(Self(units))
    }
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CurrencyCode(iso_currency::Currency);

/// The text is not an ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 4217 currency code, for example \"GBP\"")]
pub struct InvalidCurrency;

impl CurrencyCode {
    /// Pound sterling.
    pub const GBP: Self = Self(iso_currency::Currency::GBP);

    /// The three letters.
    pub fn as_str(self) -> &'static str {
        self.0.code()
    }
}

impl fmt::Debug for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CurrencyCode {
    type Err = InvalidCurrency;
    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        iso_currency::Currency::from_code(text).map(Self).ok_or(InvalidCurrency)
    }
}

impl Serialize for CurrencyCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CurrencyCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// The amount in units of the currency.
    pub amount: Decimal,
    /// The currency of the amount.
    pub currency: CurrencyCode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_printed_with_two_to_four_digits() {
        for (units, text) in [
            (125_000, "12.50"),
            (10, "0.001"),
            (1, "0.0001"),
            (0, "0.00"),
            (-110_620_600, "-11062.06"),
            (-1, "-0.0001"),
        ] {
            assert_eq!(Decimal::from_units(units).to_string(), text);
            assert_eq!(text.parse(), Ok(Decimal::from_units(units)));
        }
        for extreme in [i64::MIN, i64::MAX] {
            assert_eq!(Decimal::from_units(extreme).to_string().parse(), Ok(Decimal::from_units(extreme)));
        }
    }

    #[test]
    fn texts_that_are_no_exact_decimal_are_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "1.00000", "1e3", "+1", " 1", "1,5", "NaN", "--1", "922337203685477.5808", "١"]
        {
            assert_eq!(text.parse::<Decimal>(), Err(InvalidDecimal), "{text}");
        }
    }

    #[test]
    fn unknown_currencies_are_refused() {
        assert_eq!("GBP".parse(), Ok(CurrencyCode::GBP));
        for text in ["", "gbp", "XYZ", "GBPP"] {
            assert_eq!(text.parse::<CurrencyCode>(), Err(InvalidCurrency), "{text}");
        }
    }
}
