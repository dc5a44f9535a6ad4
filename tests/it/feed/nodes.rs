//! Nodes on one database, an unreliable bus and a flaky database.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use orderwire::{
    cluster::{BusReceiver, EventBus, local::LocalBus},
    service::feed::FeedOptions,
    storage::{
        Appended, Backlog, Epoch, EventStore, LogPage, LogState, NewEpoch, OwnChanges, Store, StoreError,
        sqlite::{SqliteLocation, SqliteStore},
    },
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use tokio::sync::broadcast;

use super::*;
use crate::support::options::{feed_options, sqlite_options};

/// Poll interval longer than any test: events do not arrive by polling.
pub const NEVER: Duration = Duration::from_secs(3600);

pub const NOW: Timestamp = Timestamp::from_unix_millis(1_764_000_000_000);

/// With what happens next, of a node that has changed nothing.
pub fn from_now() -> StartAt {
    StartAt::Now(OwnChanges::default())
}

pub async fn database() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(SqliteLocation::Temporary, sqlite_options()).await.unwrap())
}

pub fn polling(every: Duration) -> FeedOptions {
    FeedOptions { poll_every: every, ..feed_options() }
}

/// A node whose feed hears only of the writes that the test announces.
#[derive(Clone)]
pub struct Node {
    pub store: Arc<dyn Store>,
    pub feed: Arc<EventFeed>,
    bus: Arc<dyn EventBus>,
}

impl Node {
    pub async fn start(store: &Arc<dyn Store>, bus: Arc<dyn EventBus>, options: FeedOptions) -> Self {
        let feed = EventFeed::start(Flaky::new(store), Arc::clone(&bus), options).await.unwrap();
        Self { store: Arc::clone(store), feed, bus }
    }

    pub async fn alone(store: &Arc<dyn Store>, options: FeedOptions) -> Self {
        Self::start(store, Arc::new(LocalBus::new()), options).await
    }

    /// Makes one change and announces it.
    pub async fn write(&self) -> TaskId {
        let (id, events) = self.write_silently(NOW).await;
        self.announce(events);
        id
    }

    /// Makes one change without announcing it, like a node that dies right after its commit.
    pub async fn write_silently(&self, at: Timestamp) -> (TaskId, Vec<Event>) {
        let task = task(at);
        let id = task.id;
        self.store.insert_task(task, Stamp::system(at)).await.unwrap();
        (id, self.entries_of(id).await)
    }

    /// The log entries about a task.
    pub async fn entries_of(&self, id: TaskId) -> Vec<Event> {
        let filter = LogFilter { entity: Some(id.ulid()), ..LogFilter::ALL };
        self.store.read_log(0, filter, 1000).await.unwrap().events
    }

    /// Publishes entries on the bus of this node.
    pub fn announce(&self, events: Vec<Event>) {
        self.bus.publish(&events.into_iter().map(Arc::new).collect::<Vec<_>>());
    }

    pub async fn write_many(&self, count: u32) {
        for _ in 0..count {
            self.write().await;
        }
    }
}

/// Who makes the tasks.
pub const MAKER: [u8; 16] = [9; 16];

fn task(at: Timestamp) -> Task {
    Task::new(TaskId::generate(at), "Pack", UserId::from_bytes(MAKER), at)
}

/// A bus that loses, repeats and reorders events without reporting gaps.
pub struct Unreliable {
    pub inner: LocalBus,
    held_back: Mutex<(Vec<Arc<Event>>, StdRng)>,
}

impl Unreliable {
    pub fn new() -> Self {
        Self { inner: LocalBus::new(), held_back: Mutex::new((Vec::new(), StdRng::seed_from_u64(1))) }
    }
}

#[async_trait]
impl EventBus for Unreliable {
    fn publish(&self, events: &[Arc<Event>]) {
        let mut state = self.held_back.lock().unwrap();
        let (held_back, random) = &mut *state;
        for event in events {
            let copies = random.random_range(0..=2);
            held_back.extend(std::iter::repeat_n(Arc::clone(event), copies));
        }
        held_back.shuffle(random);
        let kept = random.random_range(0..=held_back.len().min(20));
        self.inner.publish(&held_back.split_off(kept));
    }

    fn subscribe(&self) -> BusReceiver {
        self.inner.subscribe()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// A store whose log reads are counted and can be made to fail. It does not tell of what it appends.
pub struct Flaky {
    pub store: Arc<dyn Store>,
    pub failing: AtomicBool,
    /// Whether the log appears to be empty, as on a server that was replaced and does not know it.
    pub stale: AtomicBool,
    /// Whether nothing can be numbered.
    pub unnumbering: AtomicBool,
    pub reads: AtomicU64,
    /// Never sends.
    appended: broadcast::Sender<Appended>,
}

impl Flaky {
    pub fn new(store: &Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            failing: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            unnumbering: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            appended: broadcast::channel(1).0,
        })
    }

    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    /// Makes reads fail; returns once the polling feed has met a failure, so that no successful read is still running.
    pub async fn break_down(&self) {
        self.fail(true);
        let before = self.reads.load(Ordering::SeqCst);
        wait_until("a read has failed", async || self.reads.load(Ordering::SeqCst) > before).await;
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            self.reads.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::Unavailable("switched off".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl EventStore for Flaky {
    fn appended(&self) -> broadcast::Receiver<Appended> {
        self.appended.subscribe()
    }

    async fn catch_up_log(&self) -> Result<(), StoreError> {
        // A failure is a failed read, because the feed calls this before it reads.
        self.reads.fetch_add(u64::from(self.failing.load(Ordering::SeqCst)), Ordering::SeqCst);
        self.check()?;
        if self.unnumbering.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("nothing is numbered".to_owned()));
        }
        self.store.catch_up_log().await
    }

    fn own_changes(&self) -> OwnChanges {
        self.store.own_changes()
    }

    async fn events_by_ids(&self, ids: &[EventId]) -> Result<Vec<Option<Event>>, StoreError> {
        self.check()?;
        self.store.events_by_ids(ids).await
    }

    async fn log_state(&self) -> Result<LogState, StoreError> {
        self.check()?;
        let state = self.store.log_state().await?;
        let is_stale = self.stale.load(Ordering::SeqCst);
        Ok(if is_stale { LogState { head: 0, horizon: 0, ..state } } else { state })
    }

    async fn confirmed_log_state(&self) -> Result<LogState, StoreError> {
        self.check()?;
        self.store.confirmed_log_state().await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.check()?;
        self.store.backlog().await
    }

    async fn epoch(&self, log: LogId) -> Result<Epoch, StoreError> {
        self.check()?;
        self.store.epoch(log).await
    }

    async fn start_epoch(&self) -> Result<NewEpoch, StoreError> {
        self.store.start_epoch().await
    }

    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.check()?;
        self.store.read_log(after, filter, limit).await
    }
}
