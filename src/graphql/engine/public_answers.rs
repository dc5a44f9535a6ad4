//! Answers that anyone may get, by their entity tags: whether an answer is still the same is known without running its
//! query as long as nothing that it depends on has changed.
//!
//! Decision: `docs/decisions/0029-public-answers.md`.

use std::{collections::HashSet, sync::Arc, time::Duration};

use moka::sync::Cache;
use parking_lot::Mutex;

use super::{answer_reads::AnswerReads, document::PreparedOperation};
use crate::{
    service::{
        OperationHash, Service,
        feed::{FeedPosition, Topic},
    },
    telemetry::metrics::{CacheName, metrics},
};

/// Estimated bytes of memory that the tags may take.
pub const TAG_BYTES: u64 = 4 << 20;
/// Estimated bytes of a tag without its topics.
const ENTRY_BYTES: usize = 256;
/// How long a tag is remembered: someone may have changed the database by hand, which leaves no entry in the log.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The tags of the newest answers of this node.
pub struct PublicAnswers {
    service: Arc<Service>,
    tags: Cache<OperationHash, Arc<RememberedTag>>,
}

/// A query whose answer's tag is to be remembered.
pub struct ObservedQuery {
    hash: OperationHash,
    reads: Arc<AnswerReads>,
    /// Where the feed stood before it ran.
    position: FeedPosition,
}

struct RememberedTag {
    tag: Box<str>,
    /// What the answer depends on.
    topics: HashSet<Topic>,
    /// Up to where nothing of that has changed.
    through: Mutex<FeedPosition>,
}

impl PublicAnswers {
    pub(in crate::graphql) fn new(service: Arc<Service>) -> Self {
        let weigh = |_: &OperationHash, tag: &Arc<RememberedTag>| {
            let bytes = ENTRY_BYTES + tag.topics.capacity() * size_of::<Topic>();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self { service, tags: Cache::builder().max_capacity(TAG_BYTES).weigher(weigh).time_to_live(MAX_AGE).build() }
    }

    /// Prepares a query so that [`Self::remember`] can remember the tag of its answer. To be called before it runs.
    pub fn observe(&self, query: &mut PreparedOperation) -> ObservedQuery {
        ObservedQuery { hash: query.hash(), reads: query.note_reads(), position: self.service.feed_position() }
    }

    /// The tag of the answer that an anonymous viewer would get now. `None` if it is not known without running the query.
    pub fn tag(&self, query: &ObservedQuery) -> Option<Box<str>> {
        metrics().cache_lookups.get(CacheName::PublicAnswers).inc();
        let tag = self.current_tag(&query.hash);
        if tag.is_none() {
            metrics().cache_misses.get(CacheName::PublicAnswers).inc();
        }
        tag
    }

    fn current_tag(&self, operation: &OperationHash) -> Option<Box<str>> {
        let remembered = self.tags.get(operation)?;
        let mut through = remembered.through.lock();
        // Noted, so that the entries up to here need not be in memory the next time.
        *through = self.service.unchanged_since(*through, &remembered.topics)?;
        Some(remembered.tag.clone())
    }

    /// Remembers the tag of the answer to a query that has run.
    pub fn remember(&self, query: &ObservedQuery, tag: &str) {
        if let Some(topics) = query.reads.topics() {
            let remembered = RememberedTag { tag: tag.into(), topics, through: Mutex::new(query.position) };
            self.tags.insert(query.hash, Arc::new(remembered));
        }
    }
}
