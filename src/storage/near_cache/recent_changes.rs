//! Which changes were applied last, so that a read can tell whether what it read has changed since it began.

use std::collections::{HashMap, VecDeque};

use super::change::Change;

/// How many changes of single entities are remembered: many more than are applied while one read runs.
const ENTITIES: usize = 16_384;
/// How many changes of the lists of single users are remembered. A page that is older than all of them is out of date.
const USERS: usize = 65_536;

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
    last: HashMap<Change, Step>,
    /// Each change as often as it was noted, the oldest first.
    noted: VecDeque<(Change, Step)>,
    /// What is not in `last` may have changed up to then.
    forgotten: Step,
}

impl Recent {
    fn note(&mut self, change: Change, at: Step, capacity: usize) {
        self.last.insert(change, at);
        self.noted.push_back((change, at));
        while self.noted.len() > capacity {
            let Some((oldest, then)) = self.noted.pop_front() else { return };
            if self.last.get(&oldest) == Some(&then) {
                self.last.remove(&oldest);
                self.forgotten = then;
            }
        }
    }

    fn last(&self, change: Change) -> Step {
        self.last.get(&change).copied().unwrap_or(self.forgotten)
    }
}

impl RecentChanges {
    /// The number of the last change.
    pub(super) fn now(&self) -> Step {
        self.now
    }

    /// Notes that these things changed.
    pub(super) fn note(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.now += 1;
        for change in changes {
            if change.is_of_entity() {
                self.entities.note(change, self.now, ENTITIES);
            } else if change.is_of_user() {
                self.users.note(change, self.now, USERS);
            } else {
                self.everybody.insert(change, self.now);
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
        let last = if change.is_of_entity() {
            self.entities.last(change)
        } else if change.is_of_user() {
            self.users.last(change)
        } else {
            self.everybody.get(&change).copied().unwrap_or(0)
        };
        last.max(self.all) > then
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;

    fn orders_of(number: usize) -> Change {
        Change::OrdersOf(UserId::from_bytes((number as u128).to_be_bytes()))
    }

    #[test]
    fn what_was_forgotten_counts_as_changed() {
        let mut changes = RecentChanges::default();
        changes.note([orders_of(0)]);
        let then = changes.now();
        assert!(!changes.changed_since(orders_of(0), then) && changes.changed_since(orders_of(0), then - 1));
        for number in 1..=USERS {
            changes.note([orders_of(number), Change::Orders]);
        }
        assert_eq!((changes.users.last.len(), changes.users.noted.len()), (USERS, USERS));
        assert!(changes.changed_since(orders_of(USERS + 1), then - 1), "it may be the one that was forgotten");
        assert!(!changes.changed_since(orders_of(USERS + 1), then), "it is not among those after it");
        assert!(!changes.changed_since(Change::Stock, 0));
        changes.note_all();
        assert!(changes.changed_since(Change::Stock, changes.now() - 1));
        assert!(!changes.changed_since(Change::Stock, changes.now()));
    }
}
