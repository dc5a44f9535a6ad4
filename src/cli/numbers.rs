//! Numbers for people.

use std::time::Duration;

/// How many there were in a second.
pub(super) fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(0.001)
}

/// `1,200 rows in 0.5 s: 2,400 rows/s`.
pub(super) fn rate_line(unit: &str, count: u64, elapsed: Duration) -> String {
    let (seconds, rate) = (elapsed.as_secs_f64(), rate(count, elapsed).round() as u64);
    format!("{} {unit} in {seconds:.1} s: {} {unit}/s", thousands(count), thousands(rate))
}

/// `1234567` as `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (541_909, "541,909"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_rate_is_per_second() {
        assert_eq!(rate_line("rows", 1200, Duration::from_millis(500)), "1,200 rows in 0.5 s: 2,400 rows/s");
    }
}
