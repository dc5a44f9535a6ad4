//! The [`EventFeed`]: starts the tasks that read the log and wake subscribers, and opens subscriptions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{
        Notify,
        broadcast::{self, error::RecvError},
    },
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{FeedOptions, StartAt, Subscription, Topic, pump::Pump, recent::RecentEvents, shared::Shared};
use crate::{
    cluster::EventBus,
    domain::{EventCursor, LogId, Seq},
    fairness::FairSemaphore,
    storage::{Appended, Backlog, EventStore, NearCache, StoreError},
    telemetry::metrics,
};

/// How long the log may go unread, beyond the usual, before the feed counts as stalled: some failed reads.
const STALLED_AFTER: Duration = Duration::from_secs(15);

/// The event feed of a node; see the module documentation.
pub struct EventFeed {
    bus: Arc<dyn EventBus>,
    pub(super) shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl EventFeed {
    /// Starts the feed at the end of the log. `store` may be any `Arc<dyn Store>`.
    pub async fn start(
        store: Arc<dyn EventStore + Send + Sync>,
        bus: Arc<dyn EventBus>,
        options: FeedOptions,
    ) -> Result<Arc<Self>, StoreError> {
        Self::start_with(store, bus, options, None).await
    }

    /// The same with a cache that the feed keeps right.
    pub async fn start_with(
        store: Arc<dyn EventStore + Send + Sync>,
        bus: Arc<dyn EventBus>,
        options: FeedOptions,
        cache: Option<Arc<NearCache>>,
    ) -> Result<Arc<Self>, StoreError> {
        // Subscribe to the bus before reading the log, so that nothing appended in between is missed.
        let receiver = bus.subscribe();
        let appended = store.appended();
        let read_began = Instant::now();
        store.catch_up_log().await?;
        let state = store.log_state().await?;
        let recent = RecentEvents::load(&*store, state, &options).await?;
        if let Some(cache) = &cache {
            recent.start_cache(cache, state.log);
            cache.confirm(read_began);
        }
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            topics: Arc::default(),
            appended: Notify::new(),
            head: AtomicI64::new(recent.head()),
            log: AtomicU32::new(state.log.0),
            cursor_key: AtomicI64::new(state.log.key().0),
            restarts: AtomicU64::new(0),
            lost_entries: AtomicBool::new(false),
            backlog: Mutex::default(),
            reads: FairSemaphore::for_cores(options.concurrent_reads),
            pages: Arc::default(),
            recent: RwLock::new(recent),
            last_read_at: Mutex::new(Instant::now()),
            store,
            cache,
            options,
        });
        shared.mark_read(Instant::now());
        metrics().feed_head.set(shared.head());
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(Pump::new(Arc::clone(&shared), receiver).run()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(Arc::clone(&shared).wake_subscribers()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(publish(appended, Arc::clone(&bus))));
        tasks.close();
        Ok(Arc::new(Self { bus, shared, tasks, stop }))
    }

    /// The id of the log that it serves now.
    pub fn log_id(&self) -> LogId {
        self.shared.log_id()
    }

    /// The number of the last entry this node knows of.
    pub fn head(&self) -> Seq {
        self.shared.head()
    }

    /// The cursor after the last entry this node knows of.
    pub fn head_cursor(&self) -> EventCursor {
        // The id first: a number of the log before never comes with the new id.
        let log = self.log_id();
        EventCursor::after(log, self.head())
    }

    /// Waits until this node has everything that was committed before the call; `false` if it does not get so far within a
    /// second. Then reads must go to the database, which is where they go anyway without a cache.
    pub async fn caught_up(&self) -> bool {
        match &self.shared.cache {
            Some(cache) => cache.catch_up().await,
            None => false,
        }
    }

    /// Whether the log has lost entries that this node had seen, and still has the same id.
    pub fn has_lost_entries(&self) -> bool {
        self.shared.lost_entries.load(Ordering::Acquire)
    }

    /// What waited to be numbered when the log was last read.
    pub fn backlog(&self) -> Backlog {
        *self.shared.backlog.lock()
    }

    /// How long a subscriber waits for a failing database.
    pub fn patience(&self) -> Duration {
        self.shared.options.patience
    }

    /// Whether the bus delivers this node's entries to the other nodes.
    pub fn is_connected(&self) -> bool {
        self.bus.is_connected()
    }

    /// How long the log has not been read, if that is longer than a few failed reads explain.
    pub fn stalled_for(&self) -> Option<Duration> {
        let last_read_at = *self.shared.last_read_at.lock();
        Some(last_read_at.elapsed()).filter(|silent| *silent > self.shared.options.poll_every + STALLED_AFTER)
    }

    /// The entries of these topics (at least one) in log order. The stream ends only after an error; drop it to
    /// unsubscribe.
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

/// Publishes to all nodes what this one appends to the log. Nodes find in the log what does not reach them.
async fn publish(mut appended: broadcast::Receiver<Appended>, bus: Arc<dyn EventBus>) {
    loop {
        match appended.recv().await {
            Ok(events) => bus.publish(&events),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

impl Drop for EventFeed {
    fn drop(&mut self) {
        self.stop();
    }
}
