//! The task that advances the feed's head, from bus messages if possible and from the log otherwise.
//!
//! Decision: `docs/decisions/0026-near-cache.md`.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, error, warn};

use super::{recent::RecentEvents, reorder_buffer::ReorderBuffer, shared::Shared};
use crate::{
    cluster::{Backoff, BusMessage, BusReceiver},
    domain::{Event, LogFilter, Seq},
    storage::{LogPage, LogState, NearCache, StoreError},
    telemetry::metrics,
};

/// Most bus messages received before subscribers are shown any.
const BATCH: usize = 256;
/// Estimated bytes after which no further bus message is received before that.
const BATCH_BYTES: usize = 1024 * 1024;
/// A read that takes longer counts as failed, because bus messages wait while it runs.
const READ_WITHIN: Duration = Duration::from_secs(5);

pub(super) struct Pump {
    shared: Arc<Shared>,
    bus: BusReceiver,
    ordered: ReorderBuffer,
    backoff: Backoff,
    /// When the log is read next, whatever the bus delivers.
    poll_at: Instant,
    /// The head that a gap follows, and when to stop waiting for the missing message.
    gap: Option<(Seq, Instant)>,
    /// When the log is read next for the cache, if a read of it waits for that.
    read_for_cache_at: Option<Instant>,
    /// When the log may be read for the cache again: half of the time is left to others.
    cache_rests_until: Instant,
}

impl Pump {
    pub fn new(shared: Arc<Shared>, bus: BusReceiver) -> Self {
        let head = shared.head();
        Self {
            bus,
            ordered: ReorderBuffer::new(head),
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(2)),
            // The log was read after the bus was subscribed to, so nothing committed since then is missed.
            poll_at: Instant::now() + shared.options.poll_every,
            gap: None,
            read_for_cache_at: None,
            cache_rests_until: Instant::now(),
            shared,
        }
    }

    pub async fn run(mut self) {
        let mut open = true;
        let cache = self.shared.cache.clone();
        loop {
            let next_read_at = self.next_read_at();
            tokio::select! {
                message = self.bus.recv(), if open => match message {
                    Some(message) => self.take(message),
                    None => open = false,
                },
                () = read_wanted(cache.as_deref()), if self.read_for_cache_at.is_none() => {
                    self.read_for_cache_at = Some(self.cache_rests_until);
                }
                () = sleep_until(next_read_at) => {
                    let is_poll = self.next_poll_at() <= next_read_at;
                    if is_poll && self.gap.is_some_and(|(_, until)| until <= next_read_at) {
                        metrics().feed_gaps.inc();
                    }
                    self.read_log(is_poll).await;
                }
            }
            self.show();
            self.watch_gap();
        }
    }

    fn next_read_at(&self) -> Instant {
        let poll_at = self.next_poll_at();
        self.read_for_cache_at.map_or(poll_at, |at| at.min(poll_at))
    }

    fn next_poll_at(&self) -> Instant {
        self.gap.map_or(self.poll_at, |(_, until)| until.min(self.poll_at))
    }

    fn watch_gap(&mut self) {
        let head = self.ordered.head();
        if !self.ordered.has_gap() {
            self.gap = None;
        } else if self.gap.is_none_or(|(seen_at, _)| seen_at != head) {
            self.gap = Some((head, Instant::now() + self.shared.options.reorder_wait));
        }
    }

    fn take(&mut self, message: BusMessage) {
        let mut next = Some(message);
        let (mut taken, mut bytes) = (0, 0);
        while let Some(message) = next {
            match message {
                BusMessage::Event(event) => {
                    bytes += event.memory();
                    self.ordered.accept(event);
                }
                BusMessage::Gap => {
                    metrics().feed_gaps.inc();
                    self.poll_at = Instant::now();
                }
            }
            taken += 1;
            next = if taken < BATCH && bytes < BATCH_BYTES { self.bus.try_recv() } else { None };
        }
    }

    fn show(&mut self) {
        let due = self.ordered.by_ref().collect();
        self.append(due);
    }

    fn append(&self, due: Vec<Arc<Event>>) {
        if !due.is_empty() {
            self.shared.append(due);
        }
    }

    /// Reads the log from the head to its end, with everything that was committed. This finds what the node that
    /// committed it did not number or publish. A poll also checks how the log is. What can't be numbered in time does not
    /// hold up what is numbered, but the read counts as failed.
    async fn read_log(&mut self, is_poll: bool) {
        let limit = self.shared.options.page.max(1);
        let began = Instant::now();
        self.read_for_cache_at = None;
        let numbered = number(&self.shared, is_poll).await;
        if is_poll && let Err(error) = within_time(self.check_continuity()).await {
            return self.failed(&error);
        }
        loop {
            let page_began = Instant::now();
            let read = self.shared.store.read_log(self.ordered.head(), LogFilter::ALL, limit);
            let page = match within_time(read).await {
                Ok(page) => page,
                Err(error) => return self.failed(&error),
            };
            let has_more = page.has_more;
            self.accept(page);
            if !has_more {
                if let Err(error) = numbered {
                    return self.failed(&error);
                }
                self.shared.mark_read(page_began);
                break;
            }
        }
        self.backoff.reset();
        if let Some(cache) = &self.shared.cache {
            cache.confirm(began);
            self.cache_rests_until = Instant::now() + began.elapsed();
        }
        if is_poll {
            self.read_again_in(self.shared.options.poll_every);
        }
    }

    fn accept(&mut self, page: LogPage) {
        if let Some(first) = page.events.first()
            && first.seq > self.ordered.head() + 1
        {
            warn!(
                head = self.ordered.head(),
                next = first.seq,
                "entries of the event log were pruned before this node read them; subscribers that needed them get \
                 CURSOR_EXPIRED"
            );
            self.ordered.skip_to(first.seq - 1);
        }
        if !page.events.is_empty() {
            metrics().feed_log_events.inc_by(page.events.len() as u64);
            debug!(after = self.ordered.head(), events = page.events.len(), "read from the event log");
        }
        let mut due = Vec::with_capacity(page.events.len());
        for event in page.events {
            self.ordered.accept(Arc::new(event));
            due.extend(self.ordered.by_ref());
        }
        self.append(due);
    }

    /// Tries again later. Until then the cache must not count as up to date.
    fn failed(&mut self, error: &StoreError) {
        metrics().feed_read_failures.inc();
        if let Some(cache) = &self.shared.cache {
            cache.log_is_unreadable();
        }
        warn!(%error, "the event log can't be read; subscribers wait");
        let delay = self.backoff.delay();
        self.read_again_in(delay);
    }

    /// Starts anew if the log is another one than before, or has lost entries: the database was restored from a backup.
    async fn check_continuity(&mut self) -> Result<(), StoreError> {
        let continues =
            |pump: &Self, state: LogState| state.log == pump.shared.log_id() && state.head >= pump.ordered.head();
        let store = Arc::clone(&self.shared.store);
        if continues(self, store.log_state().await?) {
            return Ok(());
        }
        let state = store.confirmed_log_state().await?;
        if continues(self, state) {
            return Ok(());
        }
        let seen = self.ordered.head();
        let recent = RecentEvents::load(&*store, state, &self.shared.options).await?;
        if state.log == self.shared.log_id() {
            error!(
                head = state.head,
                seen,
                "the event log has lost entries: all subscriptions end with CURSOR_EXPIRED. If the database was restored \
                 from a backup, run `orderwire log new-epoch`, or cursors from before will miss changes"
            );
        } else {
            warn!(log = %state.log, "the event log has a new id: all subscriptions end with CURSOR_EXPIRED");
        }
        // What was received before is of the log before. What is of this one is in it.
        while self.bus.try_recv().is_some() {}
        self.ordered = ReorderBuffer::new(recent.head());
        self.gap = None;
        self.shared.restart(state.log, recent);
        Ok(())
    }

    /// Sets the time of the next read, also for a gap that the log could not fill.
    fn read_again_in(&mut self, delay: Duration) {
        self.poll_at = Instant::now() + delay;
        self.gap = self.gap.map(|(head, _)| (head, self.poll_at));
    }
}

/// Numbers what was committed and has no number yet. A poll also notes how much that is.
async fn number(shared: &Shared, is_poll: bool) -> Result<(), StoreError> {
    within_time(async {
        let store = Arc::clone(&shared.store);
        if is_poll {
            shared.note_backlog(store.backlog().await?);
        }
        store.catch_up_log().await
    })
    .await
}

/// Fails if the read takes longer than [`READ_WITHIN`].
async fn within_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(READ_WITHIN, read).await.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer".to_owned())))
}

/// Returns when a read of the cache needs the log to be read; never without a cache.
async fn read_wanted(cache: Option<&NearCache>) {
    match cache {
        Some(cache) => cache.log_read_wanted().await,
        None => std::future::pending().await,
    }
}
