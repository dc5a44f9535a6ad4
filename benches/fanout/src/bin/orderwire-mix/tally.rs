//! What came of the requests.

use std::time::{Duration, Instant};

/// The status of a request that is one too many.
const TOO_MANY_REQUESTS: u16 = 429;

/// Counts answers.
pub struct Tally {
    /// Microseconds of each good answer, for each operation.
    pub latencies: Vec<Vec<u32>>,
    /// Requests refused as too many.
    pub refused: u64,
    /// Requests that failed otherwise.
    pub failed: u64,
    /// Why the first of either was not answered.
    pub first_failure: Option<String>,
    /// Bytes of the bodies of good answers.
    pub bytes: usize,
    start: Instant,
    last: Instant,
}

impl Tally {
    /// Nothing is asked yet.
    pub fn new(start: Instant, operations: usize) -> Self {
        let latencies = vec![Vec::new(); operations];
        Self { latencies, refused: 0, failed: 0, first_failure: None, bytes: 0, start, last: start }
    }

    /// From the start to the last answer.
    pub fn time(&self) -> Duration {
        self.last - self.start
    }

    /// A good answer.
    pub fn answered(&mut self, operation: usize, latency: Duration, bytes: usize, now: Instant) {
        self.latencies[operation].push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        self.bytes += bytes;
        self.last = now;
    }

    /// Another answer, or none.
    pub fn failed(&mut self, status: u16, why: impl FnOnce() -> String, now: Instant) {
        let count = if status == TOO_MANY_REQUESTS { &mut self.refused } else { &mut self.failed };
        *count += 1;
        self.first_failure.get_or_insert_with(why);
        self.last = now;
    }
}
