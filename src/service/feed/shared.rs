//! The state that the pump, the waking task and all subscribers share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
};

use parking_lot::{Mutex, RwLock};
use tokio::{sync::Notify, task::yield_now, time::Instant};

use super::{FeedOptions, page_budget::PageBudget, recent::RecentEvents, topic_registry::TopicRegistry};
use crate::{
    domain::{Clock, CursorKey, Event, LogId, Seq, SystemClock},
    fairness::FairSemaphore,
    storage::{Backlog, EventStore, NearCache},
    telemetry::metrics,
};

/// The event log as the feed reads it.
pub(super) type EventLog = Arc<dyn EventStore + Send + Sync>;

/// The state of the feed that its tasks and subscribers share.
pub(super) struct Shared {
    pub store: EventLog,
    /// The cache that follows the log with the feed; it has each entry before subscribers do.
    pub cache: Option<Arc<NearCache>>,
    pub options: FeedOptions,
    pub recent: RwLock<RecentEvents>,
    /// The head of `recent`, readable without its lock.
    pub head: AtomicI64,
    /// The id of the log.
    pub log: AtomicU32,
    /// The key of the log's cursors.
    pub cursor_key: AtomicI64,
    /// How often the feed has started anew with a log that does not continue the one before.
    pub restarts: AtomicU64,
    /// Whether the log has lost entries and has the same id as before.
    pub lost_entries: AtomicBool,
    /// What waited to be numbered when the log was last read.
    pub backlog: Mutex<Backlog>,
    /// The subscribers by topic; they are woken only after `recent` has the entry.
    pub topics: Arc<TopicRegistry>,
    /// Notified when there are subscribers to wake.
    pub appended: Notify,
    /// Permits to read the log. Subscribers take turns by caller, and one caller has a quarter of them at most.
    pub reads: FairSemaphore,
    /// What subscribers hold of the log.
    pub pages: Arc<PageBudget>,
    /// When the read began that last read the log to its end.
    pub last_read_at: Mutex<Instant>,
}

impl Shared {
    pub fn recent(&self) -> parking_lot::RwLockReadGuard<'_, RecentEvents> {
        self.recent.read()
    }

    pub fn head(&self) -> Seq {
        self.head.load(Ordering::Acquire)
    }

    pub fn log_id(&self) -> LogId {
        LogId::with_key(self.log.load(Ordering::Acquire), CursorKey(self.cursor_key.load(Ordering::Acquire)))
    }

    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Acquire)
    }

    /// Starts anew with another log, or with what is left of this one. Ends all subscriptions.
    pub fn restart(&self, log: LogId, recent: RecentEvents) {
        let lost_entries = log == self.log_id();
        let head = recent.head();
        if let Some(cache) = &self.cache {
            recent.start_cache(cache, log);
        }
        *self.recent.write() = recent;
        self.head.store(head, Ordering::Release);
        self.cursor_key.store(log.key().0, Ordering::Release);
        // After the head, so that whoever reads the id first never gets a number of the log before with it.
        self.log.store(log.0, Ordering::Release);
        self.lost_entries.store(lost_entries, Ordering::Release);
        self.restarts.fetch_add(1, Ordering::AcqRel);
        metrics().feed_head.set(head);
        self.topics.notify_all();
        self.appended.notify_one();
    }

    /// Notes what waits to be numbered.
    pub fn note_backlog(&self, backlog: Backlog) {
        *self.backlog.lock() = backlog;
        metrics().log_backlog.set(i64::try_from(backlog.changes).unwrap_or(i64::MAX));
        metrics().log_backlog_age.set(backlog.oldest.as_secs_f64());
    }

    /// Whether the feed was stopped: it reads no more, and its head stays.
    pub fn is_stopped(&self) -> bool {
        self.reads.is_closed()
    }

    /// Notes that the log was read to its end, by a read that began at this time.
    pub fn mark_read(&self, began: Instant) {
        *self.last_read_at.lock() = began;
        metrics().feed_read_at.set(SystemClock.now().unix_millis() as f64 / 1000.0);
    }

    /// Adds the next entries of the log to memory and notifies their subscribers.
    pub fn append(&self, events: Vec<Arc<Event>>) {
        let now = SystemClock.now().unix_millis();
        for event in &events {
            // Nodes' clocks differ a little, so a lag can come out negative.
            let lag = now.saturating_sub(event.occurred_at.unix_millis()).max(0);
            metrics().event_lag.observe(lag as f64 / 1000.0);
        }
        if let Some(cache) = &self.cache {
            cache.apply(&events);
        }
        let mut recent = self.recent.write();
        events.iter().cloned().for_each(|event| recent.push(event));
        let head = recent.head();
        let wakes_all = recent.idle_positions_are_old();
        self.head.store(head, Ordering::Release);
        drop(recent);
        metrics().feed_head.set(head);
        if wakes_all {
            self.topics.notify_all()
        } else {
            self.topics.notify(&events)
        }
        self.appended.notify_one();
    }

    /// Wakes subscribers batch by batch, and yields in between so that the woken tasks run.
    pub async fn wake_subscribers(self: Arc<Self>) {
        loop {
            self.appended.notified().await;
            while self.topics.wake_batch() {
                yield_now().await;
            }
        }
    }
}
