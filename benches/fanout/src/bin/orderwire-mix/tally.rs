//! The outcomes of the requests.

use std::time::{Duration, Instant};

/// The status of a request that is rate limited.
const TOO_MANY_REQUESTS: u16 = 429;

/// Counts responses.
pub struct Tally {
    /// Latency of each successful response in microseconds, for each operation.
    pub latencies: Vec<Vec<u32>>,
    /// Requests that were rate limited.
    pub refused: u64,
    /// Requests that failed otherwise.
    pub failed: u64,
    /// Why the first of either failed.
    pub first_failure: Option<String>,
    /// Bytes of the bodies of successful responses.
    pub bytes: usize,
    start: Instant,
    last: Instant,
}

impl Tally {
    /// A tally without requests.
    pub fn new(start: Instant, operations: usize) -> Self {
        let latencies = vec![Vec::new(); operations];
        Self { latencies, refused: 0, failed: 0, first_failure: None, bytes: 0, start, last: start }
    }

    /// Time from the start to the last response.
    pub fn time(&self) -> Duration {
        self.last - self.start
    }

    /// Records a successful response.
    pub fn answered(&mut self, operation: usize, latency: Duration, bytes: usize, now: Instant) {
        self.latencies[operation].push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        self.bytes += bytes;
        self.last = now;
    }

    /// Records a response with another outcome, or a missing one.
    pub fn failed(&mut self, status: u16, why: impl FnOnce() -> String, now: Instant) {
        let count = if status == TOO_MANY_REQUESTS { &mut self.refused } else { &mut self.failed };
        *count += 1;
        self.first_failure.get_or_insert_with(why);
        self.last = now;
    }
}
