//! Puts the events that the bus delivers back in log order.

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::{Event, Seq};

/// Most events that wait for a predecessor. Further ones are dropped and read from the log later.
const CAPACITY: usize = 1024;
/// Estimated bytes of the events that wait.
const CAPACITY_BYTES: usize = 8 * 1024 * 1024;

/// Takes events in any order, any number of times, and gives each once, in order, without gaps.
pub(super) struct ReorderBuffer {
    /// The number of the last event returned.
    last: Seq,
    /// Events that arrived before their predecessor; all are above `last`.
    early: BTreeMap<Seq, Arc<Event>>,
    /// Estimated bytes of `early`.
    bytes: usize,
}

impl ReorderBuffer {
    pub fn new(last: Seq) -> Self {
        Self { last, early: BTreeMap::new(), bytes: 0 }
    }

    pub fn head(&self) -> Seq {
        self.last
    }

    pub fn accept(&mut self, event: Arc<Event>) {
        if event.seq <= self.last {
            return;
        }
        self.bytes += event.memory();
        if let Some(repeated) = self.early.insert(event.seq, event) {
            self.bytes -= repeated.memory();
        }
        // The nearest event stays, however large it is.
        while self.early.len() > 1 && (self.early.len() > CAPACITY || self.bytes > CAPACITY_BYTES) {
            self.bytes -= self.early.pop_last().map_or(0, |(_, event)| event.memory());
        }
    }

    /// Gives up on what is missing up to `seq`, which the log doesn't have either.
    pub fn skip_to(&mut self, seq: Seq) {
        self.last = self.last.max(seq);
        self.early = self.early.split_off(&(self.last + 1));
        self.bytes = self.early.values().map(|event| event.memory()).sum();
    }

    /// Whether something is known to be missing.
    pub fn has_gap(&self) -> bool {
        self.early.first_key_value().is_some_and(|(seq, _)| *seq > self.last + 1)
    }
}

/// Yields the events that are next in log order.
impl Iterator for ReorderBuffer {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        let event = self.early.remove(&(self.last + 1))?;
        self.bytes -= event.memory();
        self.last = event.seq;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::feed::test_events::{event, event_of};

    fn given(buffer: &mut ReorderBuffer) -> Vec<Seq> {
        buffer.map(|event| event.seq).collect()
    }

    #[test]
    fn events_in_order_are_given_at_once() {
        let mut buffer = ReorderBuffer::new(4);
        for seq in 5..8 {
            buffer.accept(event(seq));
            assert_eq!(given(&mut buffer), [seq]);
            assert!(!buffer.has_gap());
        }
    }

    #[test]
    fn an_early_event_waits_for_those_before_it() {
        let mut buffer = ReorderBuffer::new(0);
        for early in [3, 2, 5] {
            buffer.accept(event(early));
            assert!(given(&mut buffer).is_empty() && buffer.has_gap());
        }
        buffer.accept(event(1));
        assert_eq!(given(&mut buffer), [1, 2, 3]);
        assert!(buffer.has_gap());
        buffer.accept(event(4));
        assert_eq!(given(&mut buffer), [4, 5]);
        assert!(!buffer.has_gap());
    }

    #[test]
    fn repeated_and_old_events_are_dropped() {
        let mut buffer = ReorderBuffer::new(10);
        for seq in [9, 10, 12, 12, 11, 11, 12] {
            buffer.accept(event(seq));
        }
        assert_eq!(given(&mut buffer), [11, 12]);
        buffer.accept(event(11));
        assert!(given(&mut buffer).is_empty() && !buffer.has_gap());
    }

    #[test]
    fn every_order_of_arrival_gives_the_order_of_the_log() {
        use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..200 {
            let mut arrivals: Vec<Seq> = (1..=30).chain(10..=20).collect();
            arrivals.shuffle(&mut random);
            let mut buffer = ReorderBuffer::new(0);
            let order: Vec<Seq> = arrivals
                .iter()
                .flat_map(|&seq| {
                    buffer.accept(event(seq));
                    given(&mut buffer)
                })
                .collect();
            assert_eq!(order, (1..=30).collect::<Vec<Seq>>(), "{arrivals:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_nearest_events_are_kept() {
        let mut buffer = ReorderBuffer::new(0);
        for seq in (2..5000).rev() {
            buffer.accept(event(seq));
        }
        buffer.accept(event(1));
        assert_eq!(given(&mut buffer), (1..=CAPACITY as Seq).collect::<Vec<_>>());
    }

    #[test]
    fn the_bytes_of_waiting_events_are_bounded_and_the_nearest_events_are_kept() {
        const LARGE: usize = CAPACITY_BYTES / 4;
        let mut buffer = ReorderBuffer::new(0);
        for seq in [9, 4, 4, 2, 3, 4, 5, 6] {
            buffer.accept(event_of(seq, LARGE));
            assert_eq!(buffer.bytes, buffer.early.values().map(|event| event.memory()).sum::<usize>());
        }
        assert!(buffer.early.keys().eq(&[2, 3, 4]));
        buffer.accept(event_of(1, 2 * CAPACITY_BYTES));
        assert_eq!(given(&mut buffer), [1], "the next event is given, however large it is");
        assert_eq!(buffer.bytes, 0);
        buffer.accept(event_of(3, LARGE));
        buffer.skip_to(3);
        assert_eq!(buffer.bytes, 0);
    }

    #[test]
    fn skipping_forgets_what_is_passed_over() {
        let mut buffer = ReorderBuffer::new(0);
        for seq in [3, 7, 8] {
            buffer.accept(event(seq));
        }
        buffer.skip_to(6);
        assert_eq!(given(&mut buffer), [7, 8]);
        buffer.skip_to(2);
        assert_eq!(buffer.head(), 8);
    }
}
