//! The event feed over real engines and buses delivers every event once and in order, also through failures.

mod delivery;
mod faults;
mod nodes;
mod position;

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt};
use orderwire::{
    domain::*,
    service::feed::{EventFeed, FeedError, StartAt, Topic},
};
use tokio::time::timeout;

use crate::support;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A subscriber with a timeout on every read.
pub struct Reader(Pin<Box<dyn Stream<Item = Result<Arc<Event>, FeedError>> + Send>>);

impl Reader {
    pub fn new(feed: &EventFeed, topic: Topic, start: StartAt) -> Self {
        Self(Box::pin(feed.subscribe([topic], start)))
    }

    pub fn all(feed: &EventFeed, start: StartAt) -> Self {
        Self::new(feed, Topic::All, start)
    }

    pub async fn item(&mut self) -> Option<Result<Arc<Event>, FeedError>> {
        timeout(TIMEOUT, self.0.next()).await.expect("the feed should go on")
    }

    pub async fn event(&mut self) -> Arc<Event> {
        self.item().await.expect("the feed should not end").expect("the feed should not fail")
    }

    /// Reads up to and including `last`.
    pub async fn seqs_to(&mut self, last: Seq) -> Vec<Seq> {
        let mut seqs = Vec::new();
        while seqs.last().is_none_or(|&seq| seq < last) {
            seqs.push(self.event().await.seq);
        }
        seqs
    }

    /// Reads up to and including `last`; asserts that each number after `after` arrives once and in order.
    pub async fn read_all(&mut self, after: Seq, last: Seq) {
        for seq in after + 1..=last {
            assert_eq!(self.event().await.seq, seq);
        }
    }

    /// Asserts that the stream ends with an error next, and returns the error.
    pub async fn failure(&mut self) -> FeedError {
        let error = self.item().await.expect("there should be an error").expect_err("there should be an error");
        assert!(self.item().await.is_none(), "an error ends the stream");
        error
    }

    /// Whether nothing arrives within 50 ms.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(Duration::from_millis(50), self.0.next()).await.is_err()
    }
}

/// Waits until `condition` holds; panics with `what` after [`TIMEOUT`].
pub async fn wait_until(what: &str, condition: impl AsyncFnMut() -> bool) {
    support::wait_until(what, TIMEOUT, condition).await;
}

/// The median of `durations`.
pub fn median(mut durations: VecDeque<Duration>) -> Duration {
    durations.make_contiguous().sort();
    durations[durations.len() / 2]
}
