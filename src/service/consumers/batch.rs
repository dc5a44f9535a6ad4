//! Entries that a consumer is given together.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lease::LeaseEnd;
use crate::domain::{Event, EventId, Progress, Seq};

/// How long entries are taken before the progress is saved.
const LONGEST: Duration = Duration::from_millis(250);

/// Entries to take in order. It keeps count of those that were taken, and gives no further one when it is time to save that.
pub struct Batch {
    waiting: VecDeque<Arc<Event>>,
    /// The number of the last entry that was read for it.
    through: Seq,
    previous: Option<EventId>,
    /// How often the first of them has failed.
    failures: u32,
    /// How many were taken since [`Batch::count`].
    taken: u64,
    counted_at: Instant,
    lease: Arc<LeaseEnd>,
    longest_delivery: Duration,
    stop: CancellationToken,
}

impl Batch {
    pub(super) fn new(
        waiting: VecDeque<Arc<Event>>,
        through: Seq,
        progress: &Progress,
        lease: Arc<LeaseEnd>,
        longest_delivery: Duration,
        stop: CancellationToken,
    ) -> Self {
        Self {
            waiting,
            through,
            previous: progress.taken,
            failures: progress.failures,
            taken: 0,
            counted_at: Instant::now(),
            lease,
            longest_delivery,
            stop,
        }
    }

    /// The entry to take next; `None` if there is none, or if the consumer has to pause. It stays the next one until it is
    /// taken.
    pub fn next(&self) -> Option<Arc<Event>> {
        self.rest().next().cloned()
    }

    /// All entries that are left, for a delivery of several at once; none if the consumer has to pause. They stay until each
    /// is taken.
    pub fn rest(&self) -> impl Iterator<Item = &Arc<Event>> {
        let is_time_to_save = self.taken > 0 && self.counted_at.elapsed() > LONGEST;
        let pauses = is_time_to_save || self.stop.is_cancelled() || !self.lease.has_room_for(self.longest_delivery);
        self.waiting.iter().take(if pauses { 0 } else { usize::MAX })
    }

    /// The entry that was taken last, also before this batch.
    pub fn previous(&self) -> Option<EventId> {
        self.previous
    }

    /// How often the next entry has failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The next entry was taken.
    pub fn take(&mut self) {
        if let Some(event) = self.waiting.pop_front() {
            self.previous = Some(event.id);
            self.failures = 0;
            self.taken += 1;
        }
    }

    /// How many entries were taken since the last call.
    pub(super) fn count(&mut self) -> u64 {
        self.counted_at = Instant::now();
        std::mem::take(&mut self.taken)
    }

    /// No entry up to this number is left to take.
    pub(super) fn position(&self) -> Seq {
        self.waiting.front().map_or(self.through, |event| event.seq - 1)
    }

    /// Whether no entry is left to take.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
