//! One subscriber of the feed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tracing::debug;

use super::{FeedError, From, Shared, recent::Next, topics::Topic};
use crate::{
    bus::Backoff,
    domain::{Event, LogFilter, Seq},
    storage::StoreError,
};

pub(super) struct Subscription {
    shared: Arc<Shared>,
    filter: LogFilter,
    topic: Topic,
    woken: watch::Receiver<()>,
    /// Every matching entry up to this one was delivered.
    last: Seq,
    /// Matching entries read from the log, not yet delivered.
    page: VecDeque<Arc<Event>>,
    /// No matching entry up to this one is missing from `page`.
    page_through: Seq,
    /// Whether `last` is known to be a position of this log.
    checked: bool,
    /// How far behind it may be.
    may_be_behind: Seq,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.topics.leave(self.topic);
    }
}

impl Subscription {
    pub fn new(shared: Arc<Shared>, filter: LogFilter, topic: Topic, from: From) -> Self {
        let woken = shared.topics.join(topic);
        let now = shared.head();
        let (last, checked) = match from {
            From::Now => (now, true),
            From::After(seq) => (seq, false),
        };
        let may_be_behind = now.saturating_sub(last).max(0).saturating_add(shared.options.max_behind.into());
        Self { shared, filter, topic, woken, last, page: VecDeque::new(), page_through: last, checked, may_be_behind }
    }

    pub fn into_stream(self) -> impl Stream<Item = Result<Arc<Event>, FeedError>> + Send {
        // Boxed, since it is moved for each entry.
        stream::unfold(Some(Box::new(self)), async |subscription| {
            let mut subscription = subscription?;
            match subscription.next().await {
                Ok(event) => Some((Ok(event), Some(subscription))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Arc<Event>, FeedError> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.last = event.seq;
                return Ok(event);
            }
            self.last = self.last.max(self.page_through);
            // Seen before looking: a change that comes in between ends the wait at once.
            self.woken.mark_unchanged();
            if self.shared.is_stopped() {
                return Err(FeedError::ShuttingDown { last: self.last });
            }
            let (head, next) = {
                let recent = self.shared.recent();
                (recent.head(), recent.after(self.last, &self.filter))
            };
            match next {
                Next::Event(event) => {
                    self.caught_up(event.seq);
                    return Ok(event);
                }
                Next::NothingUpTo(seq) => {
                    self.caught_up(seq);
                    self.wait().await?;
                }
                // Another node may have delivered what this one has not heard of yet.
                Next::Elsewhere if self.last > head && self.checked => self.wait().await?,
                Next::Elsewhere => self.read_log(head).await?,
            }
        }
    }

    fn caught_up(&mut self, last: Seq) {
        self.last = last;
        self.page_through = last;
        self.checked = true;
        self.may_be_behind = self.shared.options.max_behind.into();
    }

    async fn wait(&mut self) -> Result<(), FeedError> {
        self.woken.changed().await.map_err(|_| FeedError::ShuttingDown { last: self.last })
    }

    /// Reads a page, trying again for as long as it has patience.
    async fn read_log(&mut self, head: Seq) -> Result<(), FeedError> {
        if self.checked && head - self.last > self.may_be_behind {
            return Err(FeedError::TooSlow { last: self.last });
        }
        let unavailable = FeedError::Unavailable { last: self.last };
        let give_up = Instant::now() + self.shared.options.patience;
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        loop {
            match tokio::time::timeout_at(give_up, self.read_page()).await {
                Ok(Ok(result)) => return result,
                Ok(Err(error)) => debug!(%error, "a subscriber can't read the event log"),
                Err(_) => return Err(unavailable),
            }
            sleep(backoff.delay()).await;
            if Instant::now() >= give_up {
                return Err(unavailable);
            }
        }
    }

    async fn read_page(&mut self) -> Result<Result<(), FeedError>, StoreError> {
        let Ok(_turn) = self.shared.reads.acquire().await else {
            return Ok(Err(FeedError::ShuttingDown { last: self.last }));
        };
        let store = &self.shared.store;
        let page = store.read_log(self.last, self.filter, self.shared.options.page.max(1)).await?;
        let state = store.log_state().await?;
        if self.last < state.horizon {
            return Ok(Err(FeedError::CursorExpired));
        }
        if self.last > state.head {
            return Ok(Err(FeedError::InvalidCursor));
        }
        self.page = page.events.into_iter().map(Arc::new).collect();
        self.page_through = page.through;
        self.checked = true;
        Ok(Ok(()))
    }
}
