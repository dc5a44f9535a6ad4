//! Until when this process may act on its leases.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The end of all leases of this process, by its monotonic clock: counted from before the store was asked, so that it is never
/// later than the end by the database's clock.
#[derive(Debug)]
pub(super) struct LeaseEnd(Mutex<Instant>);

impl LeaseEnd {
    /// Without a lease.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// The store has given or extended the leases; it was asked at `asked_at`.
    pub(super) fn extend(&self, asked_at: Instant, lease: Duration) {
        let mut end = self.0.lock();
        *end = (*end).max(asked_at + lease);
    }

    /// Whether something that takes this long ends before the leases.
    pub(super) fn has_room_for(&self, duration: Duration) -> bool {
        Instant::now() + duration < *self.0.lock()
    }
}
