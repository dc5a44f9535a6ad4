//! Storage of the event log; `crate::domain::Event` says how its numbers are given.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::{Result, instrumented::Instrumented};
use crate::{
    domain::{Event, EventId, LogFilter, LogId, Seq},
    telemetry::metrics,
};

/// How many appends wait for a slow receiver of [`EventStore::appended`].
const APPENDS_KEPT: usize = 256;
/// Estimated bytes of the entries that wait. An append that does not fit is lost to the receivers.
const APPENDS_BYTES: usize = 32 * 1024 * 1024;
/// Estimated bytes of entries after which a page of the log ends.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// Entries that were appended to the log together, in order.
#[derive(Debug, Clone)]
pub struct Appended {
    events: Arc<[Arc<Event>]>,
    /// Their bytes, which are free again when every receiver has them.
    _bytes: Arc<OwnedSemaphorePermit>,
}

impl Deref for Appended {
    type Target = [Arc<Event>];

    fn deref(&self) -> &[Arc<Event>] {
        &self.events
    }
}

/// What a process has committed, by where it is in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnChanges {
    /// Every entry up to this number was committed; 0 if the process does not know of any.
    pub logged: Seq,
    /// Entries that were committed, too, and may not be in the log yet.
    pub unnumbered: Vec<EventId>,
}

/// The channel of [`EventStore::appended`].
#[derive(Debug, Clone)]
pub(super) struct Appends {
    channel: broadcast::Sender<Appended>,
    bytes: Arc<Semaphore>,
    last: Arc<AtomicI64>,
}

impl Default for Appends {
    fn default() -> Self {
        let bytes = Arc::new(Semaphore::new(APPENDS_BYTES));
        Self { channel: broadcast::channel(APPENDS_KEPT).0, bytes, last: Arc::default() }
    }
}

impl Appends {
    /// Sends the entries to all receivers. Without any, nothing is lost: the log has the entries.
    pub(super) fn send(&self, events: impl IntoIterator<Item = Event>) {
        let events: Arc<[Arc<Event>]> = events.into_iter().map(Arc::new).collect();
        let Some(last) = events.last() else { return };
        self.last.fetch_max(last.seq, Ordering::Release);
        let bytes = events.iter().map(|event| event.memory()).sum::<usize>();
        let permit = u32::try_from(bytes).ok().and_then(|bytes| self.bytes.clone().try_acquire_many_owned(bytes).ok());
        if let Some(permit) = permit {
            let _ = self.channel.send(Appended { events, _bytes: Arc::new(permit) });
        }
    }

    /// The number of the last entry that was sent, 0 before the first.
    pub(super) fn last(&self) -> Seq {
        self.last.load(Ordering::Acquire)
    }

    /// Forgets that entries above this number were sent, because the log has lost them.
    pub(super) fn last_at_most(&self, head: Seq) {
        self.last.fetch_min(head, Ordering::Release);
    }

    /// Receives what is sent from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Appended> {
        self.channel.subscribe()
    }
}

/// The bounds of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// The current id of the log.
    pub log: LogId,
    /// The number of the last entry, 0 for an empty log.
    pub head: Seq,
    /// The number before the oldest entry that is kept: a reader that has seen all entries up to it misses nothing.
    pub horizon: Seq,
}

/// What an id is to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epoch {
    /// Its id now.
    Current,
    /// Its id before.
    Retired,
    /// The id of another log, or of none.
    Unknown,
}

/// The ids of a log before and after [`EventStore::start_epoch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewEpoch {
    /// The id before.
    pub retired: LogId,
    /// The id from now on.
    pub current: LogId,
}

/// Changes that are committed and not in the log yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many there are; some thousands at most are counted.
    pub changes: u64,
    /// How long the oldest has been waiting, by the clock of the database and exact to a second.
    pub oldest: Duration,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// Matching entries, in order.
    pub events: Vec<Event>,
    /// No matching entry up to and including this number is missing from `events`: the last entry's number when the
    /// page is full, else the head of the log when it was read.
    pub through: Seq,
    /// Whether the page is full, so that the log may have more matching entries after `through`.
    pub has_more: bool,
}

impl LogPage {
    /// The answer to a read of the entries after `after`; a full page `has_more`. `head` is the end of the log when it was
    /// read; a reader that is further (after a restore from a backup) keeps its place.
    pub(super) fn new(events: Vec<Event>, after: Seq, head: Seq, has_more: bool) -> Self {
        let through = if has_more { events.last().map_or(after, |last| last.seq) } else { head.max(after) };
        Self { events, through, has_more }
    }
}

/// Collects the entries of a page: up to a number of them, and no further one after [`PAGE_BYTES`].
pub(super) struct PageBuilder<E> {
    entries: Vec<E>,
    limit: usize,
    bytes: usize,
}

impl<E> PageBuilder<E> {
    pub(super) fn new(limit: u32) -> Self {
        Self { entries: Vec::new(), limit: limit as usize, bytes: 0 }
    }

    /// Whether the page takes no further entry.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.bytes >= PAGE_BYTES
    }

    /// Adds an entry, with the bytes of memory that it takes by estimate.
    pub(super) fn push(&mut self, entry: E, bytes: usize) {
        self.bytes += bytes;
        self.entries.push(entry);
    }

    pub(super) fn into_entries(self) -> Vec<E> {
        self.entries
    }
}

/// The event log. The methods that change things store what their entries are made of in their own transaction. The
/// entries get their numbers there (SQLite) or right after it (MongoDB), without gaps, and become visible in order.
#[async_trait]
pub trait EventStore {
    /// Entries that this process has just appended to the log: one message for each append, in log order. A receiver that
    /// is too slow, by number or by bytes, loses messages, and finds the entries in the log.
    fn appended(&self) -> broadcast::Receiver<Appended>;
    /// Returns when the log contains every change that was committed before the call.
    async fn catch_up_log(&self) -> Result<()>;
    /// What this process has committed so far.
    fn own_changes(&self) -> OwnChanges;
    /// The entries with these ids, in the order of the ids; `None` for those that the log does not have, or not any more. What
    /// ends rights has no id that is asked for. Takes the same number of reads for any number of ids.
    async fn events_by_ids(&self, ids: &[EventId]) -> Result<Vec<Option<Event>>>;
    /// The bounds of the log.
    async fn log_state(&self) -> Result<LogState>;
    /// The bounds of the log, never as a database server has them that was replaced without noticing it. Takes longer.
    /// If the log has lost entries, this forgets what is known of them.
    async fn confirmed_log_state(&self) -> Result<LogState>;
    /// How many changes wait to be numbered, and for how long. Never takes long.
    async fn backlog(&self) -> Result<Backlog>;
    /// What the id is to this log.
    async fn epoch(&self, log: LogId) -> Result<Epoch>;
    /// Gives the log another id and keeps the one before as a retired one. The numbers of entries go on. This is for
    /// after a restore from a backup: positions that readers have may name entries that the log has lost.
    async fn start_epoch(&self) -> Result<NewEpoch>;
    /// Up to `limit` matching entries with a number above `after`, in order. A page ends earlier, but not before its first
    /// entry, when the entries are large.
    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage>;
}

#[async_trait]
impl<S: EventStore + Send + Sync + ?Sized> EventStore for Instrumented<S> {
    fn appended(&self) -> broadcast::Receiver<Appended> {
        self.inner.appended()
    }

    async fn catch_up_log(&self) -> Result<()> {
        self.observe("catch_up_log", self.inner.catch_up_log()).await
    }

    fn own_changes(&self) -> OwnChanges {
        self.inner.own_changes()
    }

    async fn events_by_ids(&self, ids: &[EventId]) -> Result<Vec<Option<Event>>> {
        metrics().storage_batch_size.with_labels(["events_by_ids"]).observe(ids.len() as f64);
        self.observe("events_by_ids", self.inner.events_by_ids(ids)).await
    }

    async fn log_state(&self) -> Result<LogState> {
        self.observe("log_state", self.inner.log_state()).await
    }

    async fn confirmed_log_state(&self) -> Result<LogState> {
        self.observe("confirmed_log_state", self.inner.confirmed_log_state()).await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.observe("backlog", self.inner.backlog()).await
    }

    async fn epoch(&self, log: LogId) -> Result<Epoch> {
        self.observe("epoch", self.inner.epoch(log)).await
    }

    async fn start_epoch(&self) -> Result<NewEpoch> {
        self.observe("start_epoch", self.inner.start_epoch()).await
    }

    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        self.observe("read_log", self.inner.read_log(after, filter, limit)).await
    }
}
