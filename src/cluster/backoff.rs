//! Delays between attempts that grow after each failure.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Delays between attempts: each is twice as long as the one before, up to `longest`, without end. Each is shortened at
/// random by up to a half, so that the clients of one failed server do not all come back at the same time.
#[derive(Debug)]
pub struct Backoff {
    builder: ExponentialBuilder,
    delays: ExponentialBackoff,
    longest: Duration,
}

impl Backoff {
    /// Starts with `first` and grows to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        // The builder's jitter lengthens a delay by up to its own length, so half of each bound goes in.
        let builder = ExponentialBuilder::new()
            .with_min_delay(first / 2)
            .with_max_delay(longest / 2)
            .without_max_times()
            .with_jitter();
        Self { builder, delays: builder.build(), longest }
    }

    /// How long to wait after this failure.
    pub fn delay(&mut self) -> Duration {
        // The delays have no end; the longest one stands in for the end that the iterator's type allows.
        self.delays.next().unwrap_or(self.longest)
    }

    /// Starts over with the first delay, after a success.
    pub fn reset(&mut self) {
        self.delays = self.builder.build();
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
