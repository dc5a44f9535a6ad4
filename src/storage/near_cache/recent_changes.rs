//! Which changes were applied last, so that a read can tell whether what it read has changed since it began, or is new.

use std::collections::{HashMap, VecDeque};

use super::change::Change;

/// How many changes of single entities, and of the lists of single users, are remembered: many more than are applied while
/// one read runs. A page that is older than all of them is out of date.
pub(super) const CHANGES: usize = 32_768;

/// The number of an applied change.
pub(super) type Step = u64;

/// Remembers when things changed last. What it has forgotten counts as changed.
#[derive(Default)]
pub(super) struct RecentChanges {
    now: Step,
    /// Everything changed then.
    all: Step,
    entities: Recent,
    users: Recent,
    /// The few changes that are about the lists of everybody.
    everybody: HashMap<Change, Step>,
}

#[derive(Default)]
struct Recent {
    last: HashMap<Change, Last>,
    /// The changes in the order in which they were noted.
    noted: VecDeque<(Change, Step)>,
    /// What is not in `last` may have changed up to then.
    forgotten: Step,
}

/// The last change of something.
#[derive(Clone, Copy)]
struct Last {
    at: Step,
    /// The version that an entity has since.
    version: i32,
}

impl Recent {
    fn note(&mut self, change: Change, last: Last) {
        if let Some(known) = self.last.get_mut(&change) {
            known.version = known.version.max(last.version);
            if known.at >= last.at {
                return;
            }
            known.at = last.at;
        } else {
            self.last.insert(change, last);
        }
        self.noted.push_back((change, last.at));
        while self.noted.len() > CHANGES {
            let Some((oldest, then)) = self.noted.pop_front() else { return };
            if self.last.get(&oldest).is_some_and(|last| last.at == then) {
                self.last.remove(&oldest);
                self.forgotten = self.forgotten.max(then);
            }
        }
    }

    fn last(&self, change: Change) -> Step {
        self.last.get(&change).map_or(self.forgotten, |last| last.at)
    }
}

impl RecentChanges {
    /// The number of the last change.
    pub(super) fn now(&self) -> Step {
        self.now
    }

    /// Notes that an entity has this version now, and what else changed with it.
    pub(super) fn note(&mut self, changes: impl IntoIterator<Item = Change>, version: i32) {
        self.now += 1;
        self.note_at(self.now, changes, version);
    }

    /// Notes that lists changed now, by a write of this node. Returns the number of the change.
    pub(super) fn note_lists(&mut self, lists: impl IntoIterator<Item = Change>) -> Step {
        self.note(lists, 0);
        self.now
    }

    /// Notes what changed no later than this change. Whatever was read since then has it.
    pub(super) fn note_at(&mut self, at: Step, changes: impl IntoIterator<Item = Change>, version: i32) {
        let last = Last { at, version };
        for change in changes {
            if change.is_of_entity() {
                self.entities.note(change, last);
            } else if change.is_of_user() {
                self.users.note(change, last);
            } else {
                let known = self.everybody.entry(change).or_insert(at);
                *known = at.max(*known);
            }
        }
    }

    /// Notes that everything may have changed.
    pub(super) fn note_all(&mut self) {
        let now = self.now + 1;
        *self = Self { now, all: now, ..Self::default() };
    }

    /// Whether this may have changed after `then`.
    pub(super) fn changed_since(&self, change: Change, then: Step) -> bool {
        self.last(change) > then
    }

    /// When this may have changed last.
    pub(super) fn last(&self, change: Change) -> Step {
        let last = if change.is_of_entity() {
            self.entities.last(change)
        } else if change.is_of_user() {
            self.users.last(change)
        } else {
            self.everybody.get(&change).copied().unwrap_or(0)
        };
        last.max(self.all)
    }

    /// The version that an entity got with its last change, if that is remembered.
    pub(super) fn version(&self, change: Change) -> Option<i32> {
        self.entities.last.get(&change).map(|last| last.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProductId, UserId};

    fn orders_of(number: usize) -> Change {
        Change::OrdersOf(UserId::from_bytes((number as u128).to_be_bytes()))
    }

    #[test]
    fn what_was_forgotten_counts_as_changed() {
        let mut changes = RecentChanges::default();
        changes.note([orders_of(0)], 1);
        let then = changes.now();
        assert!(!changes.changed_since(orders_of(0), then) && changes.changed_since(orders_of(0), then - 1));
        for number in 1..=CHANGES {
            changes.note([orders_of(number), Change::Orders], 1);
        }
        assert_eq!((changes.users.last.len(), changes.users.noted.len()), (CHANGES, CHANGES));
        assert!(changes.changed_since(orders_of(CHANGES + 1), then - 1), "it may be the one that was forgotten");
        assert!(!changes.changed_since(orders_of(CHANGES + 1), then), "it is not among those after it");
        assert!(!changes.changed_since(Change::Stock, 0));
        changes.note_all();
        assert!(changes.changed_since(Change::Stock, changes.now() - 1));
        assert!(!changes.changed_since(Change::Stock, changes.now()));
    }

    #[test]
    fn what_is_noted_late_does_not_change_again_for_what_was_read_since() {
        let lamp = Change::Product(ProductId::from_bytes([1; 16]));
        let mut changes = RecentChanges::default();
        let own = changes.note_lists([Change::Products, orders_of(1)]);
        changes.note([lamp, Change::Stock], 1);
        changes.note_at(own, [lamp, Change::Products, orders_of(1), orders_of(2)], 2);
        for (change, last) in [(Change::Products, own), (orders_of(1), own), (orders_of(2), own), (lamp, own + 1)] {
            assert_eq!(changes.last(change), last, "{change:?}");
        }
        assert_eq!(changes.version(lamp), Some(2));
    }

    #[test]
    fn the_last_version_of_an_entity_is_remembered() {
        let [lamp, vase] = [1, 2].map(|number| Change::Product(ProductId::from_bytes([number; 16])));
        let mut changes = RecentChanges::default();
        changes.note([lamp, Change::Stock], 3);
        changes.note([lamp, Change::Stock], 4);
        assert_eq!((changes.version(lamp), changes.version(vase)), (Some(4), None));
        changes.note_all();
        assert_eq!(changes.version(lamp), None);
    }
}
