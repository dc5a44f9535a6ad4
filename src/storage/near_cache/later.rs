//! Answers that are kept once the feed has what they show.

use parking_lot::Mutex;
use tokio::time::Instant;

type Keep<C> = Box<dyn FnOnce(&C) + Send + Sync>;

/// The answers for a cache `C`, up to some bytes. More than that are not kept.
pub(super) struct Later<C> {
    waiting: Mutex<Waiting<C>>,
    capacity: usize,
}

struct Waiting<C> {
    /// When each read ended, its bytes, and what keeps its answers.
    answers: Vec<(Instant, usize, Keep<C>)>,
    bytes: usize,
}

impl<C> Later<C> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { waiting: Mutex::new(Waiting { answers: Vec::new(), bytes: 0 }), capacity }
    }

    /// Runs `keep` for answers of these bytes once the feed has everything that was committed before the read `ended`.
    pub(super) fn add(&self, ended: Instant, bytes: usize, keep: impl FnOnce() -> Keep<C>) {
        let mut waiting = self.waiting.lock();
        if bytes <= self.capacity - waiting.bytes {
            waiting.bytes += bytes;
            waiting.answers.push((ended, bytes, keep()));
        }
    }

    /// Those of the answers that were read before this time.
    pub(super) fn take(&self, read_before: Instant) -> Vec<Keep<C>> {
        let mut waiting = self.waiting.lock();
        let (due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut waiting.answers).into_iter().partition(|(ended, ..)| *ended <= read_before);
        waiting.bytes = rest.iter().map(|(_, bytes, _)| bytes).sum();
        waiting.answers = rest;
        due.into_iter().map(|(.., keep)| keep).collect()
    }
}
