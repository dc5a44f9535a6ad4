//! Waiting longer after each failure.

use std::time::Duration;

use rand::Rng;

/// Delays that double from `first` to `longest`, each shortened at random by up to a half, so that many clients of
/// one failed server do not come back all at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// From `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// How long to wait after this failure.
    pub fn delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.longest);
        delay.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Starts over: it worked.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_start_over() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(10), ms(35));
        for full in [10, 20, 35, 35] {
            let delay = backoff.delay();
            assert!(delay >= ms(full) / 2 && delay <= ms(full), "{delay:?}");
        }
        backoff.reset();
        assert!(backoff.delay() <= ms(10));
    }
}
