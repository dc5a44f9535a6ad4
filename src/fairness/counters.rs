//! Counts for each client in bounded memory.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use super::Caller;

/// Number of counters that all clients share, so that memory is bounded for any number of clients.
const COUNTERS: usize = 1 << 16;

/// What each client holds at present. Clients share counters by a hash, whose key is secret, so nobody can find clients
/// that share one.
pub struct ClientCounters {
    hasher: RandomState,
    counts: Box<[AtomicUsize]>,
}

/// The counter of a client.
#[derive(Debug, Clone, Copy)]
pub struct CounterIndex(usize);

impl Default for ClientCounters {
    fn default() -> Self {
        Self { hasher: RandomState::new(), counts: (0..COUNTERS).map(|_| AtomicUsize::new(0)).collect() }
    }
}

impl ClientCounters {
    /// The counter of this client.
    pub fn index(&self, client: Caller) -> CounterIndex {
        // Less than `COUNTERS`, so the cast is exact.
        CounterIndex((self.hasher.hash_one(client) % COUNTERS as u64) as usize)
    }

    /// The present count.
    pub fn count(&self, index: CounterIndex) -> usize {
        self.counter(index).load(Relaxed)
    }

    /// Adds `amount` if the count then is at most `limit`. Returns whether it did.
    pub fn try_add(&self, index: CounterIndex, amount: usize, limit: usize) -> bool {
        try_add(self.counter(index), amount, limit)
    }

    /// Adds `amount`.
    pub fn add(&self, index: CounterIndex, amount: usize) {
        self.counter(index).fetch_add(amount, Relaxed);
    }

    /// Takes back what was added.
    pub fn subtract(&self, index: CounterIndex, amount: usize) {
        self.counter(index).fetch_sub(amount, Relaxed);
    }

    fn counter(&self, CounterIndex(index): CounterIndex) -> &AtomicUsize {
        // In range: `index` makes it so.
        &self.counts[index]
    }
}

/// Adds `amount` to a counter if the count then is at most `limit`. Returns whether it did.
pub fn try_add(counter: &AtomicUsize, amount: usize, limit: usize) -> bool {
    let sum = |count: usize| count.checked_add(amount).filter(|sum| *sum <= limit);
    counter.fetch_update(Relaxed, Relaxed, sum).is_ok()
}
