//! Live updates: what a subscriber is sent, and when.
//!
//! Rights are decided for each event, with the event's own state of the entity. A subscription to one entity begins
//! with a snapshot whose cursor is exact: the snapshot holds every change up to the cursor and none after it.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use tokio::time::{sleep, timeout};
use ulid::Ulid;

use super::{
    Result, Service, ServiceError, access,
    feed::{self, FeedError, FeedPosition, StartAt, Topic},
};
use crate::{
    cluster::Backoff,
    domain::{
        EntityKind, Event, EventCursor, EventId, EventKind, InvalidCursor, LogId, LogPosition, OrderStatus, Seq,
        Timestamp, UserId, Viewer,
    },
    storage::{Epoch, LogState, OwnChanges, uncached},
};

/// Entries looked at between a snapshot's cursor and its state. More changes of one entity than that, while it is
/// being read, would need as many commits within one read.
const SNAPSHOT_LOOKAHEAD: u32 = 1000;

/// What a message of a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateKind {
    /// The state when the subscription began.
    Snapshot,
    /// An entry of the event log.
    Event(EventKind),
    /// An entry of the event log after which the subscriber no longer sees the entity, or did not ask for it.
    Left,
}

/// A message of a subscription.
#[derive(Debug, Clone)]
pub struct Update<T> {
    /// Resume after this to get what comes next.
    pub cursor: EventCursor,
    /// Id of the event; `None` for a snapshot.
    pub event: Option<EventId>,
    /// Whether it is a snapshot or an event, and which.
    pub kind: UpdateKind,
    /// For an order whose status changed: the status before.
    pub previous_status: Option<OrderStatus>,
    /// Id of the entity without the type.
    pub id: Ulid,
    /// The entity as it was then; of an entity that can leave a subscription, an `Option`, which is `None` when it left.
    pub entity: T,
    /// When the change was made.
    pub occurred_at: Timestamp,
}

/// Where a subscription begins. `T` is what its updates hold.
pub(super) enum Start<T> {
    /// With what happens from now on.
    Now,
    /// With the entries after this one of the log with this id.
    After(LogId, Seq),
    /// With the state of an entity, which contains all its entries up to `seq`, and what comes after.
    Snapshot { log: LogId, seq: Seq, id: Ulid, entity: T, changed_at: Timestamp },
}

/// A stream of updates that knows how far it is.
pub trait UpdateStream: Stream {
    /// Resume after this to get what comes after the items so far, and nothing twice. It moves although the stream is
    /// not polled, over what concerns others. `None` while it is not known or the stream can't be resumed there.
    fn position(&mut self) -> Option<EventCursor>;

    /// Estimated bytes that were read from the event log for it since the last call.
    fn take_loaded(&mut self) -> usize {
        0
    }
}

impl Service {
    /// The cursor of an entry that may have no number yet. Without an entry, it stands before the whole log.
    pub fn cursor_of_event(&self, event: Option<EventId>) -> EventCursor {
        let position = event.map_or(LogPosition::Seq(0), LogPosition::Event);
        EventCursor { log: self.feed.log_id(), position }
    }

    /// The cursor of the newest entry that this node knows of.
    pub fn head(&self) -> EventCursor {
        self.feed.head_cursor()
    }

    /// How far the feed of this node has come. What is read from now on has every change up to there.
    pub fn feed_position(&self) -> FeedPosition {
        self.feed.position()
    }

    /// The position up to which nothing of these topics has changed after `since`; `None` if something has, or if this node
    /// can't tell without the database: it has changed something itself that its feed does not have yet.
    pub fn unchanged_since(&self, since: FeedPosition, topics: &HashSet<Topic>) -> Option<FeedPosition> {
        let OwnChanges { logged, unnumbered } = self.store.own_changes();
        let has_all = unnumbered.is_empty() && logged <= self.feed.head();
        self.feed.unchanged_since(since, topics).filter(|_| has_all)
    }

    /// A cursor of the event log, for viewers who can go on after it.
    pub fn event_cursor(&self, viewer: &Viewer, cursor: EventCursor) -> Result<EventCursor> {
        access::require_authenticated(viewer)?;
        Ok(cursor)
    }

    /// The entity with this id, with the last log entry that it contains. `read` gives it with its version and last
    /// change.
    pub(super) async fn snapshot<T>(
        &self,
        topic: Topic,
        id: Ulid,
        read: impl AsyncFnOnce() -> Result<Option<(i32, Timestamp, T)>>,
    ) -> Result<Option<Start<T>>> {
        let LogState { log, head: before, .. } = self.store.log_state().await?;
        // The cache is as far as the feed, which may be behind the head that was read.
        let Some((version, changed_at, entity)) = uncached(read()).await? else { return Ok(None) };
        self.store.catch_up_log().await?;
        let since = self.store.read_log(before, topic.into(), SNAPSHOT_LOOKAHEAD).await?;
        let contained = since.events.iter().take_while(|event| event.entity.version() <= version).last();
        let seq = contained.map_or(before, |event| event.seq);
        Ok(Some(Start::Snapshot { log, seq, id, entity, changed_at }))
    }

    /// Calls `read` until it gives a result, with growing pauses, for as long as a subscriber waits for a failing
    /// database; `None` when that time is over. A call that is still running then is dropped.
    pub async fn read_for_subscriber<T, F>(&self, mut read: impl FnMut() -> F) -> Option<T>
    where
        F: Future<Output = Option<T>>,
    {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let reading = async {
            loop {
                if let Some(result) = read().await {
                    return result;
                }
                sleep(backoff.delay()).await;
            }
        };
        timeout(self.feed.patience(), reading).await.ok()
    }

    /// The snapshot, if there is one, then the entries after it that `select` picks.
    pub(super) fn updates<T, S>(self: &Arc<Self>, topic: Topic, start: Start<T>, select: S) -> Updates<T, S> {
        let (log, from, snapshot) = match start {
            Start::Now => (None, StartAt::Now(self.store.own_changes()), None),
            Start::After(log, seq) => (Some(log), StartAt::After(seq), None),
            Start::Snapshot { log, seq, id, entity, changed_at } => {
                let snapshot = Update {
                    cursor: EventCursor::after(log, seq),
                    event: None,
                    kind: UpdateKind::Snapshot,
                    previous_status: None,
                    id,
                    entity,
                    occurred_at: changed_at,
                };
                (Some(log), StartAt::After(seq), Some(Box::new(snapshot)))
            }
        };
        let changes = self.feed.subscribe([topic], from);
        let changes = if let Some(log) = log { changes.with_positions_of(log) } else { changes };
        Updates { snapshot, changes, select }
    }

    /// The start of a subscription after a client's cursor.
    pub(super) async fn start_after<T>(&self, cursor: EventCursor) -> Result<Start<T>> {
        let (log, seq) = self.resolve_cursor(cursor).await?;
        Ok(Start::After(log, seq))
    }

    /// The log of a client's cursor, and the number of the last entry that the client has seen.
    pub(super) async fn resolve_cursor(&self, cursor: EventCursor) -> Result<(LogId, Seq)> {
        let log = self.feed.log_id();
        if cursor.log != log {
            return Err(match self.store.epoch(cursor.log).await? {
                Epoch::Retired => ServiceError::CursorExpired,
                Epoch::Unknown => invalid_cursor(),
                Epoch::Current => ServiceError::Unavailable("this node has not seen the log's new id yet".to_owned()),
            });
        }
        let seq = match cursor.position {
            LogPosition::Seq(seq) => seq,
            LogPosition::Sealed(sealed) => {
                let seq = log.open(sealed);
                if seq < 0 {
                    return Err(invalid_cursor());
                }
                seq
            }
            LogPosition::Unsealed(_) => return Err(ServiceError::CursorExpired),
            LogPosition::Event(id) => {
                let found = self.entries_by_ids(&[id]).await?.pop().flatten();
                found.ok_or(ServiceError::CursorExpired)?.seq
            }
        };
        Ok((log, seq))
    }
}

/// Why a subscription to the log with this id ended, as clients are told.
pub(super) fn feed_error(log: LogId, error: FeedError) -> ServiceError {
    match error {
        FeedError::CursorExpired => ServiceError::CursorExpired,
        FeedError::InvalidCursor => invalid_cursor(),
        FeedError::TooSlow { last } => ServiceError::TooSlow(EventCursor::after(log, last)),
        // The reader goes on from there on another node, or on this one once it is back.
        FeedError::Unavailable { last } | FeedError::ShuttingDown { last } => {
            ServiceError::Interrupted(Some(EventCursor::after(log, last)))
        }
    }
}

/// The updates of one subscriber. Implemented by hand, because it is the hot path of every delivery.
pub(super) struct Updates<T, S> {
    /// Boxed, since most of the time there is none.
    snapshot: Option<Box<Update<T>>>,
    changes: feed::Subscription,
    select: S,
}

impl<T: Unpin, S: Fn(&Event) -> Option<(UpdateKind, T)> + Unpin> Stream for Updates<T, S> {
    type Item = Result<Update<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(snapshot) = self.snapshot.take() {
            return Poll::Ready(Some(Ok(*snapshot)));
        }
        loop {
            let log = self.changes.log_id();
            let event = match ready!(self.changes.poll_next_unpin(cx)) {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Poll::Ready(Some(Err(feed_error(log, error)))),
                None => return Poll::Ready(None),
            };
            if let Some((kind, entity)) = (self.select)(&event) {
                return Poll::Ready(Some(Ok(Update {
                    cursor: EventCursor::after(log, event.seq),
                    event: Some(event.id),
                    kind,
                    previous_status: event.previous_status,
                    id: event.entity.id(),
                    entity,
                    occurred_at: event.occurred_at,
                })));
            }
        }
    }
}

impl<T: Unpin, S: Fn(&Event) -> Option<(UpdateKind, T)> + Unpin> UpdateStream for Updates<T, S> {
    fn position(&mut self) -> Option<EventCursor> {
        if self.snapshot.is_some() {
            return None;
        }
        let log = self.changes.log_id();
        self.changes.position().map(|seq| EventCursor::after(log, seq))
    }

    fn take_loaded(&mut self) -> usize {
        self.changes.take_loaded()
    }
}

/// A stream of states, which begins with the present ones wherever it is resumed.
pub(super) struct States<S> {
    pub states: S,
    /// Any cursor will do. An `EventSource` needs one to say that it resumes.
    pub opened_at: EventCursor,
}

impl<S: Stream + Unpin> Stream for States<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.states.poll_next_unpin(cx)
    }
}

impl<S: Stream + Unpin> UpdateStream for States<S> {
    fn position(&mut self) -> Option<EventCursor> {
        Some(self.opened_at)
    }
}

/// What a subscriber picks from: one entity, or else a user's, or all of the kind.
pub(super) fn topic(kind: EntityKind, entity: Option<Ulid>, user: Option<UserId>) -> Topic {
    match (entity, user) {
        (Some(id), _) => Topic::Entity(kind, id),
        (None, Some(user)) => Topic::User(kind, user),
        (None, None) => Topic::Kind(kind),
    }
}

pub(super) fn invalid_cursor() -> ServiceError {
    ServiceError::BadInput(format!("the cursor to resume after, `after` or Last-Event-ID: {InvalidCursor}"))
}
