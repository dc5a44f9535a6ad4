//! One consumer that this process has the lease of.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    batch::Batch,
    lease::LeaseEnd,
    metrics::ConsumerMetrics,
    options::ConsumerOptions,
    sink::{Failure, OpenSink, Sink},
};
use crate::{
    domain::{EntityKind, Event, EventFilter, LogId, Progress, Seq},
    service::feed::{EventFeed, FeedError, StartAt, Subscription, Topic},
    storage::{LeasedConsumer, Store},
};

/// Entries of a batch at most.
const BATCH: usize = 512;
/// Estimated bytes of entries after which a batch ends.
const BATCH_BYTES: usize = 256 * 1024;
/// How long what was taken waits to be saved together with what is taken meanwhile. After a crash it comes again.
const SAVE_TAKEN: Duration = Duration::from_millis(250);
/// How often a position is saved that moves over entries which do not concern the consumer.
const SAVE_IDLE: Duration = Duration::from_secs(30);
/// How long a delivery that is under way may go on after the consumer is to stop.
const LAST_DELIVERY: Duration = Duration::from_millis(800);
/// The pause after a fault of this node or the database, which is no failure of the consumer.
const PAUSE: Duration = Duration::from_secs(1);
/// Failures in a row after which operators are told, once in each process that runs the consumer.
const NOTICE_AFTER: u32 = 3;
/// How often the lag is shown while the consumer waits for its next attempt.
const SHOW_LAG: Duration = Duration::from_secs(1);
/// Why a consumer stops.
const EXPIRED: &str = "the event log no longer holds what comes next; choose where to go on";
/// Why a consumer fails after the database has lost entries.
const AHEAD: &str = "the event log ends before what was taken already; was the database restored from a backup?";

/// What all consumers of a process need to run.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Arc<EventFeed>,
    pub(super) open: OpenSink,
    pub(super) options: ConsumerOptions,
    pub(super) lease: Arc<LeaseEnd>,
}

/// Why a consumer does not go on.
enum Pause {
    /// It is to stop, or has lost its lease.
    Ended,
    /// An entry could not be taken.
    Failed(Failure),
    /// The log does not hold what comes next.
    Expired,
    /// The log or the store can't be read now, or the lease was not extended in time.
    Interrupted,
}

/// Runs the consumer until it is to stop, has lost its lease or can't go on.
pub(super) async fn run(shared: Shared, leased: LeasedConsumer, stop: CancellationToken) {
    let LeasedConsumer { consumer, fence, retry_in } = leased;
    let metrics = ConsumerMetrics::new(&consumer.name);
    let progress = consumer.progress.clone();
    metrics.consecutive_failures(progress.failures);
    let mut running = Running {
        shared: &shared,
        stop,
        name: &consumer.name,
        fence,
        progress,
        unsaved_since: None,
        metrics,
        is_noticed: false,
    };
    let mut wait = retry_in;
    while running.sleep(wait).await {
        let pause = match (shared.open)(&consumer) {
            Ok(sink) => {
                let pause = running.follow(&*sink).await;
                sink.record().await;
                pause
            }
            Err(fault) => Pause::Failed(Failure::after(running.progress.failures, fault)),
        };
        wait = match pause {
            Pause::Ended => break,
            Pause::Interrupted => PAUSE,
            Pause::Failed(fault) => match running.fail(fault).await {
                Some(wait) => wait,
                None => return,
            },
            Pause::Expired => {
                running.progress.stopped = true;
                running.progress.last_error = Some(EXPIRED.to_owned());
                warn!(consumer = running.name, "{EXPIRED}");
                running.metrics.stopped();
                running.save(Duration::ZERO).await;
                return;
            }
        };
    }
    if running.unsaved_since.is_some() {
        running.save(Duration::ZERO).await;
    }
}

struct Running<'r> {
    shared: &'r Shared,
    stop: CancellationToken,
    name: &'r str,
    fence: i64,
    progress: Progress,
    /// Since when an entry was taken that the saved progress does not have.
    unsaved_since: Option<Instant>,
    metrics: ConsumerMetrics,
    /// Whether operators know that it keeps failing.
    is_noticed: bool,
}

impl Running<'_> {
    /// Waits; returns `false` if the consumer is to stop.
    async fn sleep(&self, duration: Duration) -> bool {
        let end = Instant::now() + duration;
        loop {
            self.metrics.progress(self.progress.position, self.shared.feed.head());
            let left = end.saturating_duration_since(Instant::now());
            if self.stop.run_until_cancelled(sleep(left.min(SHOW_LAG))).await.is_none() {
                return false;
            }
            if left <= SHOW_LAG {
                return true;
            }
        }
    }

    /// Takes entries after the position until something is in the way.
    async fn follow(&mut self, sink: &dyn Sink) -> Pause {
        match self.stop.run_until_cancelled(sink.prepare(self.progress.failures)).await {
            None => return Pause::Ended,
            Some(Err(failure)) => return Pause::Failed(failure),
            Some(Ok(())) => {}
        }
        let start = StartAt::After(self.progress.position);
        let entries = self.shared.feed.subscribe(topics(sink.filter()), start);
        let mut entries = entries.with_positions_of(LogId::new(self.progress.log));
        let mut saved = self.progress.position;
        loop {
            self.metrics.progress(self.progress.position, self.shared.feed.head());
            let save_at = self.unsaved_since.map_or(Instant::now() + SAVE_IDLE, |since| since + SAVE_TAKEN);
            let first = tokio::select! {
                () = self.stop.cancelled() => None,
                () = sleep_until(save_at) => None,
                entry = entries.next() => match entry {
                    Some(entry) => Some(entry),
                    // It has ended with the batch before.
                    None => return Pause::Interrupted,
                },
            };
            let Some(first) = first else {
                // What it has skipped is saved with what it has taken, when there is nothing to take, and when it stops.
                let position = entries.position().unwrap_or(self.progress.position);
                self.progress.position = self.progress.position.max(position);
                if saved < self.progress.position && !self.save_with_records(sink).await || self.stop.is_cancelled() {
                    return Pause::Ended;
                }
                saved = self.progress.position;
                continue;
            };
            let pause = match next_entries(first, &mut entries, sink.filter()) {
                Ok((waiting, through)) => self.take(sink, waiting, through).await,
                Err(FeedError::CursorExpired) => Some(Pause::Expired),
                Err(FeedError::InvalidCursor) => Some(Pause::Failed(Failure::after(self.progress.failures, AHEAD))),
                Err(error) => {
                    debug!(%error, consumer = self.name, "a consumer is interrupted");
                    Some(Pause::Interrupted)
                }
            };
            if let Some(pause) = pause {
                return pause;
            }
        }
    }

    /// Takes these entries, and saves the progress from time to time. Says why, if it can't take them all.
    async fn take(&mut self, sink: &dyn Sink, waiting: VecDeque<Arc<Event>>, through: Seq) -> Option<Pause> {
        let room = self.shared.options.longest_delivery;
        let mut batch =
            Batch::new(waiting, through, &self.progress, self.shared.lease.clone(), room, self.stop.clone());
        loop {
            let result = self.deliver(sink, &mut batch).await;
            self.progress.position = self.progress.position.max(batch.position());
            let taken = batch.count();
            if taken > 0 {
                self.metrics.taken(taken);
                self.metrics.consecutive_failures(0);
                if std::mem::take(&mut self.is_noticed) {
                    info!(consumer = self.name, "a consumer of the event log goes on");
                }
                self.progress =
                    Progress { taken: batch.previous(), failures: 0, last_error: None, ..self.progress.clone() };
                let since = *self.unsaved_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= SAVE_TAKEN && !self.save_with_records(sink).await {
                    return Some(Pause::Ended);
                }
            }
            match result {
                Err(fault) => return Some(Pause::Failed(fault)),
                Ok(()) if self.stop.is_cancelled() => return Some(Pause::Ended),
                Ok(()) if batch.is_empty() => return None,
                Ok(()) if taken == 0 => return Some(Pause::Interrupted),
                Ok(()) => {}
            }
        }
    }

    /// Delivers a batch. A delivery that is under way when the consumer is to stop gets a little time.
    async fn deliver(&self, sink: &dyn Sink, batch: &mut Batch) -> Result<(), Failure> {
        if batch.is_empty() {
            return Ok(());
        }
        let too_late = async {
            self.stop.cancelled().await;
            sleep(LAST_DELIVERY).await;
        };
        tokio::select! {
            result = sink.deliver(batch) => result,
            () = too_late => Ok(()),
        }
    }

    /// Counts a failure, and returns how long to wait; `None` if the lease is lost.
    async fn fail(&mut self, Failure { message, retry_in }: Failure) -> Option<Duration> {
        self.metrics.failed();
        self.progress.failures = self.progress.failures.saturating_add(1);
        let failures = self.progress.failures;
        self.metrics.consecutive_failures(failures);
        debug!(consumer = self.name, failures, message, "a consumer could not take an entry");
        if failures >= NOTICE_AFTER && !std::mem::replace(&mut self.is_noticed, true) {
            warn!(consumer = self.name, failures, message, "a consumer of the event log keeps failing");
        }
        self.progress.last_error = Some(message);
        self.save(retry_in).await.then_some(retry_in)
    }

    /// Saves the progress and what the sink knows of the deliveries; returns `false` if this is not the lease any more.
    async fn save_with_records(&mut self, sink: &dyn Sink) -> bool {
        tokio::join!(sink.record(), self.save(Duration::ZERO)).1
    }

    /// Saves the progress; returns `false` if this is not the lease any more. While the store fails, it tries again for as
    /// long as the lease lasts.
    async fn save(&mut self, retry_in: Duration) -> bool {
        loop {
            match self.shared.store.save_progress(self.name, self.fence, &self.progress, retry_in).await {
                Ok(saved) => {
                    self.unsaved_since = None;
                    return saved;
                }
                Err(error) => warn!(%error, consumer = self.name, "the progress of a consumer can't be saved"),
            }
            if self.stop.is_cancelled() || !self.shared.lease.has_room_for(PAUSE) {
                return false;
            }
            sleep(PAUSE).await;
        }
    }
}

/// The entries that the sink takes, from the first one and those that can be had without waiting, and the number of the last
/// entry that was looked at.
fn next_entries(
    first: Result<Arc<Event>, FeedError>,
    entries: &mut Subscription,
    filter: &EventFilter,
) -> Result<(VecDeque<Arc<Event>>, Seq), FeedError> {
    let (mut waiting, mut next, mut through, mut bytes) = (VecDeque::new(), first?, 0, 0);
    loop {
        through = next.seq.max(through);
        if filter.matches(&next) {
            bytes += next.memory();
            waiting.push_back(next);
        }
        if waiting.len() >= BATCH || bytes >= BATCH_BYTES {
            return Ok((waiting, through));
        }
        // An error ends the stream, and comes again when it is opened anew.
        match entries.next().now_or_never() {
            Some(Some(Ok(event))) => next = event,
            Some(Some(Err(error))) if waiting.is_empty() => return Err(error),
            _ => return Ok((waiting, through)),
        }
    }
}

/// The topics of the feed that have all entries which pass the filter.
fn topics(filter: &EventFilter) -> Vec<Topic> {
    match &filter.types {
        Some(types) if !types.is_empty() => {
            let is_wanted = |kind: &EntityKind| types.iter().any(|wanted| wanted.entity_kind() == *kind);
            EntityKind::ALL.into_iter().filter(is_wanted).map(Topic::Kind).collect()
        }
        _ => vec![Topic::All],
    }
}
