//! One subscriber of the feed.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    collections::{HashSet, VecDeque},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{Stream, future::BoxFuture};
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::{
    FeedError, StartAt, page_budget::HeldPage, recent::Lookup, shared::Shared, topic::Topic,
    topic_registry::TopicWatcher,
};
use crate::{
    cluster::Backoff,
    domain::{Event, EventId, LogFilter, LogId, Seq},
    fairness::{Caller, NoPermit, current_caller, run_without_deadline},
    storage::{LogPage, StoreError},
};

/// The entries for one subscriber: a stream that ends only after an error. Implemented by hand, because it is the
/// hot path of every delivery.
pub struct Subscription {
    shared: Arc<Shared>,
    watcher: TopicWatcher,
    /// Who it delivers to.
    caller: Caller,
    /// The id of the log that its positions belong to.
    log: LogId,
    /// `Shared::restarts` when it began; it ends when there is another one.
    restarts: u64,
    /// All matching entries up to this one were delivered.
    last: Seq,
    /// Whether `last` is known to be a position of this log.
    checked: bool,
    /// Entries that are passed over, because they were committed before the subscription began. Usually none. Once the
    /// subscriber has an entry or a position, everything after it is delivered: entries of other nodes from before that this
    /// one did not know may come first, and nothing may be missing behind them.
    skipped: HashSet<EventId>,
    ended: bool,
    /// A page that is being read from the log.
    reading: Option<BoxFuture<'static, Result<(LogPage, HeldPage), FeedError>>>,
    /// Matching entries read from the log, not yet delivered.
    page: VecDeque<Arc<Event>>,
    /// Bytes of entries that were read from the log since the last `take_loaded`.
    loaded: usize,
    /// The bytes of `page`.
    held: Option<HeldPage>,
    /// No matching entry up to this one is missing from `page`.
    page_through: Seq,
    /// How many entries it may be behind the head.
    max_lag: Seq,
}

impl Stream for Subscription {
    type Item = Result<Arc<Event>, FeedError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll_entry(cx));
        self.ended = next.is_err();
        Poll::Ready(Some(next))
    }
}

impl Subscription {
    pub(super) fn new(shared: Arc<Shared>, topics: impl IntoIterator<Item = Topic>, start: StartAt) -> Self {
        // The restarts first: if the feed starts anew while this reads, the subscription ends.
        let (restarts, log) = (shared.restarts(), shared.log_id());
        let now = shared.head();
        let (last, checked, skipped) = match start {
            StartAt::Now(own) => (now.max(own.logged), true, own.unnumbered.into_iter().collect()),
            StartAt::After(seq) => (seq, false, HashSet::new()),
        };
        Self {
            watcher: shared.topics.subscribe(topics),
            caller: current_caller(),
            log,
            restarts,
            last,
            checked,
            skipped,
            ended: false,
            reading: None,
            page: VecDeque::new(),
            loaded: 0,
            held: None,
            page_through: last,
            max_lag: now.saturating_sub(last).max(0).saturating_add(shared.options.max_behind.into()),
            shared,
        }
    }

    /// The entry up to which nothing is missing: every matching one before it was delivered. It moves over entries in
    /// memory that don't match, so that a subscriber who hears nothing can be told how far they are. `None` until the
    /// start is known to be a position of this log.
    pub fn position(&mut self) -> Option<Seq> {
        if !self.checked || self.ended || self.has_expired() {
            return None;
        }
        if self.reading.is_none() && self.page.is_empty() {
            self.last = self.last.max(self.page_through);
            let next = self.shared.recent().find_after(self.last, |event| self.wants(event));
            if let Lookup::NoMatchUpTo(seq) = next {
                self.caught_up(seq);
            }
        }
        self.skipped.clear();
        Some(self.last)
    }

    /// Estimated bytes of the entries that were read from the log since the last call.
    pub fn take_loaded(&mut self) -> usize {
        std::mem::take(&mut self.loaded)
    }

    /// The id of the log that its positions belong to.
    pub fn log_id(&self) -> LogId {
        self.log
    }

    /// Makes it end with [`FeedError::CursorExpired`] unless the positions it was given are of the log that the feed serves.
    pub fn with_positions_of(self, log: LogId) -> Self {
        Self { log, ..self }
    }

    /// Whether its positions do not belong to what the feed serves now.
    fn has_expired(&self) -> bool {
        self.restarts != self.shared.restarts() || self.log != self.shared.log_id()
    }

    fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arc<Event>, FeedError>> {
        self.watcher.register(cx.waker());
        loop {
            if self.has_expired() {
                return Poll::Ready(Err(FeedError::CursorExpired));
            }
            if let Some(reading) = &mut self.reading {
                let page = ready!(reading.as_mut().poll(cx));
                self.reading = None;
                let (page, mut held) = page?;
                self.loaded += page.events.iter().map(Event::memory).sum::<usize>();
                let wanted = page.events.into_iter().filter(|event| self.watcher.matches(event));
                self.page = wanted.map(Arc::new).collect();
                held.shrink(self.page.iter().map(|event| event.memory()).sum());
                self.held = Some(held).filter(|_| !self.page.is_empty());
                self.page_through = page.through;
                self.checked = true;
            }
            if let Some(event) = self.page.pop_front() {
                if self.page.is_empty() {
                    self.held = None;
                }
                self.last = event.seq;
                if self.skipped.contains(&event.id) {
                    continue;
                }
                return self.deliver(event);
            }
            self.last = self.last.max(self.page_through);
            if self.shared.is_stopped() {
                return Poll::Ready(Err(FeedError::ShuttingDown { last: self.last }));
            }
            if self.last == self.shared.head() {
                self.caught_up(self.last);
                return Poll::Pending;
            }
            let (head, next) = {
                let recent = self.shared.recent();
                (recent.head(), recent.find_after(self.last, |event| self.wants(event)))
            };
            match next {
                Lookup::Found(event) => {
                    self.caught_up(event.seq);
                    return self.deliver(event);
                }
                Lookup::NoMatchUpTo(seq) => {
                    self.caught_up(seq);
                    return Poll::Pending;
                }
                // The client may resume after an entry from another node that this node does not know yet.
                Lookup::NotBuffered if self.last > head && self.checked => return Poll::Pending,
                Lookup::NotBuffered if self.checked && head - self.last > self.max_lag => {
                    return Poll::Ready(Err(FeedError::TooSlow { last: self.last }));
                }
                Lookup::NotBuffered => {
                    let read = read_log(self.shared.clone(), self.log, self.watcher.filter(), self.last);
                    self.reading = Some(Box::pin(run_without_deadline(self.caller, read)));
                }
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.watcher.matches(event) && (self.skipped.is_empty() || !self.skipped.contains(&event.id))
    }

    fn deliver(&mut self, event: Arc<Event>) -> Poll<Result<Arc<Event>, FeedError>> {
        self.skipped.clear();
        Poll::Ready(Ok(event))
    }

    fn caught_up(&mut self, last: Seq) {
        self.last = last;
        self.page_through = last;
        self.checked = true;
        self.max_lag = self.shared.options.max_behind.into();
    }
}

/// Reads the page after `last`, and retries until `patience` is over.
async fn read_log(
    shared: Arc<Shared>,
    log: LogId,
    filter: LogFilter,
    last: Seq,
) -> Result<(LogPage, HeldPage), FeedError> {
    let give_up = Instant::now() + shared.options.patience;
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    loop {
        match tokio::time::timeout_at(give_up, read_page(&shared, log, filter, last)).await {
            Ok(Ok(result)) => return result,
            Ok(Err(error)) => debug!(%error, "a subscriber can't read the event log"),
            Err(_) => return Err(FeedError::Unavailable { last }),
        }
        sleep(backoff.delay()).await;
        if Instant::now() >= give_up {
            return Err(FeedError::Unavailable { last });
        }
    }
}

async fn read_page(
    shared: &Shared,
    log: LogId,
    filter: LogFilter,
    last: Seq,
) -> Result<Result<(LogPage, HeldPage), FeedError>, StoreError> {
    let held = shared.pages.acquire(current_caller()).await;
    let _permit = match shared.reads.acquire(current_caller()).await {
        Ok(permit) => permit,
        Err(NoPermit::Closed) => return Ok(Err(FeedError::ShuttingDown { last })),
        Err(NoPermit::Full(full)) => return Err(StoreError::Unavailable(full.to_string())),
    };
    let page = shared.store.read_log(last, filter, shared.options.page.max(1)).await?;
    let state = shared.store.log_state().await?;
    if last < state.horizon || state.log != log {
        return Ok(Err(FeedError::CursorExpired));
    }
    if last > state.head {
        return Ok(Err(FeedError::InvalidCursor));
    }
    Ok(Ok((page, held)))
}
