//! The newest events, kept in memory.

use std::{collections::VecDeque, sync::Arc};

use super::FeedOptions;
use crate::{
    domain::{Event, LogFilter, LogId, Seq},
    storage::{EventStore, LogState, NearCache, Result},
};

/// The last entries of the log up to the head, without gaps and bounded in number and bytes.
pub(super) struct RecentEvents {
    /// Each with its estimated bytes.
    events: VecDeque<(Arc<Event>, usize)>,
    head: Seq,
    size: Size,
    limit: Size,
    /// What was appended since all subscribers were woken.
    since_wake: Size,
}

/// A number of entries and their estimated bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    entries: usize,
    bytes: usize,
}

impl Size {
    fn add(&mut self, bytes: usize) {
        self.entries += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.entries -= 1;
        self.bytes -= bytes;
    }
}

/// The answer to a search for the next matching entry after a position.
pub(super) enum Lookup {
    /// The first matching entry.
    Found(Arc<Event>),
    /// No entry matches up to this one, which is the head.
    NoMatchUpTo(Seq),
    /// The position is outside of what is in memory: too old, or beyond the head.
    NotBuffered,
}

impl RecentEvents {
    pub fn new(head: Seq, options: &FeedOptions) -> Self {
        let limit = Size { entries: options.recent.max(1), bytes: options.recent_bytes };
        Self { events: VecDeque::new(), head, size: Size::default(), limit, since_wake: Size::default() }
    }

    /// Starts with the last entries of the log, as many as a page has: after a restart most clients resume with a cursor
    /// within them.
    pub async fn load(store: &(dyn EventStore + Send + Sync), state: LogState, options: &FeedOptions) -> Result<Self> {
        let limit = options.page.max(1);
        let after = (state.head - Seq::from(limit)).max(state.horizon);
        let mut recent = Self::new(after, options);
        loop {
            let page = store.read_log(recent.head, LogFilter::ALL, limit).await?;
            page.events.into_iter().for_each(|event| recent.push(Arc::new(event)));
            if !page.has_more || recent.head >= state.head {
                return Ok(recent);
            }
        }
    }

    /// Has `cache` follow this log from the oldest entry here.
    pub fn start_cache(&self, cache: &NearCache, log: LogId) {
        let events: Vec<Arc<Event>> = self.events.iter().map(|(event, _)| Arc::clone(event)).collect();
        cache.restart(log, self.head - events.len() as Seq);
        cache.apply(&events);
    }

    pub fn head(&self) -> Seq {
        self.head
    }

    /// Appends the next entry and drops the oldest ones that are too many. An entry that is larger than everything may
    /// be is dropped with them. If entries are missing before it, because the log lost them, the older ones are dropped.
    pub fn push(&mut self, event: Arc<Event>) {
        if event.seq != self.head + 1 {
            self.events.clear();
            self.size = Size::default();
        }
        let bytes = event.memory();
        self.head = event.seq;
        self.events.push_back((event, bytes));
        self.size.add(bytes);
        self.since_wake.add(bytes);
        while self.size.entries > self.limit.entries || self.size.bytes > self.limit.bytes {
            let Some((_, bytes)) = self.events.pop_front() else { return };
            self.size.remove(bytes);
        }
    }

    /// Whether a quarter of what fits here was appended since this was last true. All subscribers are woken then, so that
    /// no idle position leaves what is in memory: as long as appends are no larger than half of it.
    pub fn idle_positions_are_old(&mut self) -> bool {
        let Size { entries, bytes } = self.since_wake;
        let are_old = entries >= (self.limit.entries / 4).max(1) || bytes >= self.limit.bytes / 4;
        if are_old {
            self.since_wake = Size::default();
        }
        are_old
    }

    /// Whether a reader that has seen up to `seq` finds what it needs next here.
    pub fn covers(&self, seq: Seq) -> bool {
        (self.head - self.events.len() as Seq..=self.head).contains(&seq)
    }

    /// Finds the first entry after `seq` that is wanted.
    pub fn find_after(&self, seq: Seq, wanted: impl Fn(&Event) -> bool) -> Lookup {
        if !self.covers(seq) {
            return Lookup::NotBuffered;
        }
        let unseen = (self.head - seq) as usize;
        let mut unseen = self.events.range(self.events.len() - unseen..);
        match unseen.find(|(event, _)| wanted(event)) {
            Some((event, _)) => Lookup::Found(Arc::clone(event)),
            None => Lookup::NoMatchUpTo(self.head),
        }
    }
}

#[cfg(test)]
mod tests;
