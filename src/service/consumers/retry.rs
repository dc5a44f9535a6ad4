//! When a failed delivery is tried again.

use std::time::Duration;

/// The delay after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to wait after this many failures in a row: a second, then twice as long each time, up to an hour. `jitter`, from 0
/// to 1, shortens it by up to a half, so that consumers of one failed receiver do not all come back at once.
pub fn retry_delay(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_an_hour_and_are_shortened_by_half_at_most() {
        let seconds = |failures| retry_delay(failures, 0.0).as_secs();
        assert_eq!([1, 2, 3, 12, 13, 40, u32::MAX].map(seconds), [1, 2, 4, 2048, 3600, 3600, 3600]);
        assert_eq!(retry_delay(3, 1.0), Duration::from_secs(2));
        assert_eq!(retry_delay(3, 7.0), Duration::from_secs(2));
    }
}
