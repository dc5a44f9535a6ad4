//! The event feed: one for each node. It reads every event once and serves every subscriber of the node, each event
//! exactly once and in log order.
//!
//! # How it knows that nothing is missing
//! An entry's `seq` is given in commit order and without gaps (see `domain::event`), so a position in the log says
//! everything about what its holder has seen. The feed holds one such position, its *head*. A bus message with
//! `head + 1` moves it on; a lower one was seen already and is dropped; a higher one waits, because nodes publish at
//! the same time and their messages overtake one another. If the missing one has not come within some milliseconds,
//! or the bus says that it may have lost something, the feed reads the log from its head on. It also does so at an
//! interval, whatever the bus says: that finds the last message when it was lost, and it is how nodes without a
//! common bus hear of one another.
//!
//! # How subscribers are served
//! The newest events, up to the head, are kept in memory. A subscriber is nothing but a position: what it needs next
//! is either not there yet (it waits for the head to move), or in memory, or older than that; then it reads the log,
//! page by page, at its own pace. There is no switch from replaying to live, and so nothing to be lost or doubled at
//! it. A slow reader never makes another wait and holds no more than a page. One that falls behind without end is
//! told so ([`FeedError::TooSlow`]) and may come back with its cursor.
//!
//! Nobody is woken by what does not concern them: each waits for its [`Topic`]s, and is only now and then called up with
//! all others, so that its position stays within what is in memory.
//!
//! A position that the log no longer reaches back to gives [`FeedError::CursorExpired`]. Entries are deleted oldest
//! first, so this is asked *after* a page was read: if the position is still within the log then, the page was whole.

mod pump;
mod recent;
mod sequencer;
mod subscription;
mod topics;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Notify, Semaphore},
    task::yield_now,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cluster::EventBus,
    domain::{Clock, Event, LogId, Seq, SystemClock},
    storage::{EventStore, StoreError},
    telemetry::metrics,
};
use pump::Pump;
use recent::RecentEvents;
pub use subscription::Subscription;
pub use topics::Topic;
use topics::TopicRegistry;

/// How the feed behaves. All have a default.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// Events kept in memory for subscribers, at least 1.
    pub recent: usize,
    /// Entries read from the log at a time, at least 1.
    pub page: u32,
    /// How long the log may go unread.
    pub poll_every: Duration,
    /// How long a missing bus message is waited for before the log is read.
    pub reorder_wait: Duration,
    /// How many entries a subscriber may fall behind (on top of what it began with) before it is ended.
    pub max_behind: u32,
    /// How long a subscriber waits for a failing database before it is ended.
    pub patience: Duration,
    /// Subscribers that read the log at the same time; the others wait their turn.
    pub concurrent_reads: usize,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            recent: 4096,
            page: 256,
            poll_every: Duration::from_millis(500),
            reorder_wait: Duration::from_millis(20),
            max_behind: 100_000,
            patience: Duration::from_secs(10),
            concurrent_reads: 8,
        }
    }
}

/// How long the log may go unread, beyond the usual, before the feed counts as stalled: some failed reads.
const STALLED_AFTER: Duration = Duration::from_secs(15);

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// With what happens next.
    Now,
    /// With the first entry after this one.
    After(Seq),
}

/// Why a subscription ended. `last` is where to go on from: every matching entry up to it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The position is not one of this log: it is past its end.
    #[error("the cursor is not one of this server's")]
    InvalidCursor,
    /// Entries after the position were deleted already.
    #[error("the cursor is older than the event log reaches back")]
    CursorExpired,
    /// The subscriber fell too far behind.
    #[error("the subscriber is too slow")]
    TooSlow {
        /// Where to go on from.
        last: Seq,
    },
    /// The log could not be read for some time.
    #[error("the event log is not available")]
    Unavailable {
        /// Where to go on from.
        last: Seq,
    },
    /// The node is stopping.
    #[error("the server is shutting down")]
    ShuttingDown {
        /// Where to go on from.
        last: Seq,
    },
}

/// The log as the feed needs it.
type Log = Arc<dyn EventStore + Send + Sync>;

/// The event feed of a node; see the module documentation.
pub struct EventFeed {
    log: LogId,
    bus: Arc<dyn EventBus>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What the pump and the subscribers share.
struct Shared {
    store: Log,
    options: FeedOptions,
    recent: RwLock<RecentEvents>,
    /// The head of `recent`, for those who only look whether there is more.
    head: AtomicI64,
    /// Who waits for what; woken only after `recent` has it.
    topics: Arc<TopicRegistry>,
    /// That there is somebody to wake.
    appended: Notify,
    reads: Semaphore,
    /// When the pump last read the log to its end.
    read_at: Mutex<Instant>,
}

impl EventFeed {
    /// Starts the feed at the end of the log. `store` may be any `Arc<dyn Store>`.
    pub async fn start(
        store: Arc<dyn EventStore + Send + Sync>,
        bus: Arc<dyn EventBus>,
        options: FeedOptions,
    ) -> Result<Arc<Self>, StoreError> {
        // The receiver first: what is committed after the log was read comes by it.
        let receiver = bus.subscribe();
        let state = store.log_state().await?;
        let recent = RecentEvents::load(&*store, state, options.recent, options.page).await?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            topics: Arc::default(),
            appended: Notify::new(),
            head: AtomicI64::new(recent.head()),
            reads: Semaphore::new(options.concurrent_reads.clamp(1, Semaphore::MAX_PERMITS)),
            recent: RwLock::new(recent),
            read_at: Mutex::new(Instant::now()),
            store,
            options,
        });
        shared.mark_read();
        metrics().feed_head.set(shared.head());
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(Pump::new(Arc::clone(&shared), receiver).run()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(Arc::clone(&shared).wake_subscribers()));
        tasks.close();
        Ok(Arc::new(Self { log: state.log, bus, shared, tasks, stop }))
    }

    /// The log it serves.
    pub fn log_id(&self) -> LogId {
        self.log
    }

    /// The number of the last entry this node knows of.
    pub fn head(&self) -> Seq {
        self.shared.head()
    }

    /// Whether the other nodes hear of this one's entries at once.
    pub fn is_connected(&self) -> bool {
        self.bus.is_connected()
    }

    /// For how long the log has not been read, if that is longer than some failed reads take.
    pub fn stalled_for(&self) -> Option<Duration> {
        let read_at = *self.shared.read_at.lock();
        Some(read_at.elapsed()).filter(|silent| *silent > self.shared.options.poll_every + STALLED_AFTER)
    }

    /// Tells all nodes of entries that were just committed. To be called after each change with what it appended;
    /// returns at once and cannot fail: what does not arrive is found in the log.
    pub fn announce(&self, events: Vec<Event>) {
        if !events.is_empty() {
            let events: Vec<_> = events.into_iter().map(Arc::new).collect();
            self.bus.publish(&events);
        }
    }

    /// The entries that belong to one of these topics, at least one, in order, for ever: the stream ends only after an
    /// error. Dropping it is all there is to unsubscribing.
    pub fn subscribe(&self, topics: impl IntoIterator<Item = Topic>, start: StartAt) -> Subscription {
        Subscription::new(Arc::clone(&self.shared), topics, start)
    }

    fn stop(&self) {
        self.stop.cancel();
        self.shared.reads.close();
        self.shared.topics.wake_all();
    }

    /// Stops reading and ends all subscriptions with [`FeedError::ShuttingDown`].
    pub async fn shutdown(&self) {
        self.stop();
        self.tasks.wait().await;
    }
}

impl Drop for EventFeed {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn recent(&self) -> parking_lot::RwLockReadGuard<'_, RecentEvents> {
        self.recent.read()
    }

    fn head(&self) -> Seq {
        self.head.load(Ordering::Acquire)
    }

    /// Nothing more comes: the feed takes no reads, and its head stays.
    fn is_stopped(&self) -> bool {
        self.reads.is_closed()
    }

    /// The log was read to its end just now.
    fn mark_read(&self) {
        *self.read_at.lock() = Instant::now();
        metrics().feed_read_at.set(SystemClock.now().unix_millis() as f64 / 1000.0);
    }

    /// Shows subscribers what comes next in the log.
    fn append(&self, events: Vec<Arc<Event>>) {
        let now = SystemClock.now().unix_millis();
        for event in &events {
            // Clocks of nodes may differ a little.
            let lag = now.saturating_sub(event.occurred_at.unix_millis()).max(0);
            metrics().event_lag.observe(lag as f64 / 1000.0);
        }
        let mut recent = self.recent.write();
        let before = recent.head();
        events.iter().cloned().for_each(|event| recent.push(event));
        let head = recent.head();
        self.head.store(head, Ordering::Release);
        drop(recent);
        metrics().feed_head.set(head);
        // Now and then all of them come forward, lest those who sleep be left behind by what is in memory.
        let stride = Seq::try_from(self.options.recent / 4).unwrap_or(Seq::MAX).max(1);
        if before / stride == head / stride {
            self.topics.notify(&events)
        } else {
            self.topics.notify_all()
        }
        self.appended.notify_one();
    }

    /// Wakes subscribers, and lets others have their turn in between: those who were woken among them.
    async fn wake_subscribers(self: Arc<Self>) {
        loop {
            self.appended.notified().await;
            while self.topics.wake_batch() {
                yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod testing {
    use super::*;
    use crate::domain::{Entity, EventId, EventKind, Task, TaskId, TaskPriority, TaskStatus, Timestamp, UserId};

    /// An entry about some task.
    pub fn event(seq: Seq) -> Arc<Event> {
        let at = Timestamp::from_unix_millis(0);
        let task = Task {
            id: TaskId::from_bytes([1; 16]),
            title: "Pack".to_owned(),
            description: None,
            status: TaskStatus::Todo,
            priority: TaskPriority::Low,
            created_by: UserId::from_bytes([2; 16]),
            assignee: None,
            order: None,
            due_at: None,
            version: 1,
            created_at: at,
            updated_at: at,
        };
        Arc::new(Event {
            seq,
            id: EventId::generate(at),
            kind: EventKind::Updated,
            previous_status: None,
            entity: Entity::Task(Arc::new(task)),
            actor: None,
            occurred_at: at,
        })
    }
}
