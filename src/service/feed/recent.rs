//! The newest events, kept in memory.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    domain::{Event, LogFilter, Seq},
    storage::{EventStore, LogState, Result},
};

/// The last entries of the log up to the head, without gaps and bounded in number.
pub(super) struct RecentEvents {
    events: VecDeque<Arc<Event>>,
    head: Seq,
    capacity: usize,
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
    pub fn new(head: Seq, capacity: usize) -> Self {
        Self { events: VecDeque::new(), head, capacity: capacity.max(1) }
    }

    /// Starts with the last page of the log: after a restart most clients resume with a cursor within it.
    pub async fn load(
        store: &(dyn EventStore + Send + Sync),
        state: LogState,
        capacity: usize,
        page: u32,
    ) -> Result<Self> {
        let after = (state.head - Seq::from(page)).max(state.horizon);
        let page = store.read_log(after, LogFilter::ALL, page.max(1)).await?;
        let mut recent = Self::new(after, capacity);
        page.events.into_iter().for_each(|event| recent.push(Arc::new(event)));
        Ok(recent)
    }

    pub fn head(&self) -> Seq {
        self.head
    }

    /// Appends the next entry. If entries are missing before it, because the log lost them, the older ones are dropped.
    pub fn push(&mut self, event: Arc<Event>) {
        if event.seq != self.head + 1 {
            self.events.clear();
        }
        if self.events.len() == self.capacity {
            self.events.pop_front();
        }
        self.head = event.seq;
        self.events.push_back(event);
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
        match unseen.find(|event| wanted(event)) {
            Some(event) => Lookup::Found(Arc::clone(event)),
            None => Lookup::NoMatchUpTo(self.head),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::feed::test_events::event;

    fn run(head: Seq, events: std::ops::RangeInclusive<Seq>, capacity: usize) -> RecentEvents {
        let mut recent = RecentEvents::new(head, capacity);
        events.for_each(|seq| recent.push(event(seq)));
        recent
    }

    fn after(recent: &RecentEvents, seq: Seq) -> Option<Seq> {
        match recent.find_after(seq, |_| true) {
            Lookup::Found(event) => Some(event.seq),
            Lookup::NoMatchUpTo(head) => Some(-head),
            Lookup::NotBuffered => None,
        }
    }

    #[test]
    fn a_position_within_finds_the_next_entry() {
        let recent = run(10, 11..=15, 3);
        assert_eq!([11, 12, 13, 14].map(|seq| after(&recent, seq)), [None, Some(13), Some(14), Some(15)]);
        assert_eq!(
            [15, 16, 0, -1, Seq::MAX, Seq::MIN].map(|seq| after(&recent, seq)),
            [Some(-15), None, None, None, None, None]
        );
    }

    #[test]
    fn entries_that_are_not_wanted_are_passed_over() {
        let recent = run(0, 1..=3, 8);
        assert!(matches!(recent.find_after(1, |_| false), Lookup::NoMatchUpTo(3)));
        assert!(matches!(recent.find_after(1, |event| event.seq == 3), Lookup::Found(event) if event.seq == 3));
    }

    #[test]
    fn an_empty_run_knows_its_end() {
        let recent = RecentEvents::new(7, 3);
        assert_eq!([6, 7, 8].map(|seq| after(&recent, seq)), [None, Some(-7), None]);
    }

    #[test]
    fn a_hole_in_the_log_is_never_bridged() {
        let mut recent = run(0, 1..=3, 8);
        recent.push(event(9));
        assert_eq!([2, 3, 7, 8, 9].map(|seq| after(&recent, seq)), [None, None, None, Some(9), Some(-9)]);
    }
}
