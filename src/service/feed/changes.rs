//! Whether something has changed since a position of the feed, by the entries in memory.
//!
//! Decision: `docs/decisions/0029-public-answers.md`.

use std::collections::HashSet;

use super::{EventFeed, Topic, recent::Lookup};
use crate::domain::{MAX_READ_AGE, Seq};

/// How far the feed of this process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    /// How often the feed had started anew.
    restarts: u64,
    head: Seq,
}

impl EventFeed {
    /// How far the feed has come: what is read from now on has every change up to there.
    pub fn position(&self) -> FeedPosition {
        // The number of restarts first: the head of another log never comes with it.
        FeedPosition { restarts: self.shared.restarts(), head: self.shared.head() }
    }

    /// The position up to which no entry after `since` belongs to one of these topics. `None` if one does, or if the feed
    /// can't tell: entries after `since` are no longer in memory, or it has not read the log to its end for 1 s.
    pub fn unchanged_since(&self, since: FeedPosition, topics: &HashSet<Topic>) -> Option<FeedPosition> {
        if self.shared.restarts() != since.restarts || self.shared.last_read_at.lock().elapsed() > MAX_READ_AGE {
            return None;
        }
        let found = self
            .shared
            .recent()
            .find_after(since.head, |event| Topic::for_event(event).any(|topic| topics.contains(&topic)));
        match found {
            Lookup::NoMatchUpTo(head) => Some(FeedPosition { head, ..since }),
            Lookup::Found(_) | Lookup::NotBuffered => None,
        }
    }
}
