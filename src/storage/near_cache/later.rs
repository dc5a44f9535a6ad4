//! Answers that are kept once the feed has what they show.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::cache::NearCache;

type Keep = Box<dyn FnOnce(&NearCache) + Send + Sync>;

/// The answers, up to some bytes. More than that are not kept.
pub(super) struct Later {
    waiting: Mutex<Waiting>,
    capacity: usize,
}

#[derive(Default)]
struct Waiting {
    /// When each read ended, its bytes, and what keeps its answers.
    answers: Vec<(Instant, usize, Keep)>,
    bytes: usize,
}

impl Later {
    pub(super) fn new(capacity: usize) -> Self {
        Self { waiting: Mutex::default(), capacity }
    }

    /// Runs `keep` for answers of these bytes once the feed has everything that was committed before the read `ended`.
    pub(super) fn add(&self, ended: Instant, bytes: usize, keep: impl FnOnce() -> Keep) {
        let mut waiting = self.waiting.lock();
        if bytes <= self.capacity - waiting.bytes {
            waiting.bytes += bytes;
            waiting.answers.push((ended, bytes, keep()));
        }
    }

    /// Those of the answers that were read before this time.
    pub(super) fn take(&self, read_before: Instant) -> Vec<Keep> {
        let mut waiting = self.waiting.lock();
        let (due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut waiting.answers).into_iter().partition(|(ended, ..)| *ended <= read_before);
        waiting.bytes = rest.iter().map(|(_, bytes, _)| bytes).sum();
        waiting.answers = rest;
        due.into_iter().map(|(.., keep)| keep).collect()
    }
}
