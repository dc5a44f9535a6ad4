//! The bytes of requests and messages that have not arrived whole.
//!
//! Each connection may hold some without being counted, which is enough for usual requests. What is beyond that is counted
//! for the node, so that thousands of slow large bodies do not fill its memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use parking_lot::Mutex;

use crate::{fairness::try_add, telemetry::metrics};

/// Bytes of each connection that are not counted.
const UNCOUNTED: usize = 16 * 1024;
/// Bytes that are counted at a time.
const STEP: usize = 16 * 1024;

/// What all connections of the node hold.
pub(super) struct IncomingBudget {
    limit: usize,
    held: AtomicUsize,
}

/// What one connection holds, until this is dropped.
pub(in crate::http) struct ReceivedBytes {
    budget: Arc<IncomingBudget>,
    /// The most that it holds of a request or message; what is beyond that is discarded.
    most: usize,
    bytes: Mutex<Bytes>,
}

#[derive(Default)]
struct Bytes {
    received: usize,
    held: usize,
}

impl IncomingBudget {
    /// A budget of `limit` bytes.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicUsize::new(0) })
    }

    /// A connection that holds nothing and at most `most` bytes.
    pub(super) fn connection(self: &Arc<Self>, most: usize) -> Arc<ReceivedBytes> {
        Arc::new(ReceivedBytes { budget: self.clone(), most, bytes: Mutex::default() })
    }
}

impl ReceivedBytes {
    /// Counts received bytes. Returns false if the node has no room for them.
    pub(super) fn receive(&self, count: usize) -> bool {
        let mut bytes = self.bytes.lock();
        bytes.received = bytes.received.saturating_add(count);
        let counted = bytes.received.min(self.most).saturating_sub(UNCOUNTED).next_multiple_of(STEP);
        let more = counted.saturating_sub(bytes.held);
        if more > 0 && !try_add(&self.budget.held, more, self.budget.limit) {
            metrics().refusals.with_labels(["incoming_bytes"]).inc();
            return false;
        }
        bytes.held += more;
        true
    }

    /// What was received is not held any more: the request is answered, or the message is read.
    pub(in crate::http) fn release(&self) {
        let mut bytes = self.bytes.lock();
        bytes.received = 0;
        self.budget.held.fetch_sub(std::mem::take(&mut bytes.held), Relaxed);
    }
}

impl Drop for ReceivedBytes {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_requests_count_until_they_are_released_and_small_ones_do_not() {
        let budget = IncomingBudget::new(2 * STEP);
        let connections = [(); 4].map(|()| budget.connection(UNCOUNTED + STEP));
        assert!(connections.iter().all(|one| one.receive(UNCOUNTED)));
        assert_eq!(budget.held.load(Relaxed), 0);
        assert_eq!([0, 1, 2].map(|place: usize| connections[place].receive(1)), [true, true, false]);
        assert!(connections[0].receive(10 * STEP), "what is discarded is not counted");
        connections[0].release();
        assert!(connections[3].receive(1));
        drop(connections);
        assert_eq!(budget.held.load(Relaxed), 0);
    }
}
