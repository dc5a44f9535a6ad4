//! Entities and new orders come into the cache: those of entries of the log, and those of writes of this node.

use std::sync::Arc;

use super::{
    cache::NearCache,
    cached::Cached,
    change::Change,
    key::{Key, Value},
    new_orders::NewOrders,
    recent_changes::Step,
    state::{Advance, State},
};
use crate::domain::{Entity, Event, EventKind, Order, Task, UserVersion};

impl NearCache {
    /// Applies entries of the log, in order.
    pub fn apply(&self, entries: &[Arc<Event>]) {
        let mut state = self.lock_state();
        for event in entries {
            match state.advance(event.seq) {
                Advance::Known => continue,
                Advance::Next => {}
                Advance::AfterGap => self.forget_all(&mut state),
            }
            self.note(&mut state, event);
            self.replace(event);
        }
    }

    /// Notes what an entry changed.
    fn note(&self, state: &mut State, event: &Event) {
        let (changes, version) = (Change::of_event(event), event.entity.version());
        match &event.entity {
            Entity::Order(order) if event.kind == EventKind::Created => {
                let before = state.changes.last(Change::OrdersOf(order.customer));
                let at = state.note(&changes, version);
                self.note_placed(order, before, at);
            }
            _ => _ = state.note(&changes, version),
        }
    }

    /// Puts the entity of an entry in the place of an older one.
    fn replace(&self, event: &Event) {
        match &event.entity {
            Entity::Product(product) => self.replace_each(product),
            Entity::Order(order) => self.replace_each(order),
            Entity::Task(task) if event.kind == EventKind::Deleted => {
                Task::FIELDS.iter().for_each(|fields| self.values.invalidate(&Task::key(task.id, *fields)));
            }
            Entity::Task(task) => self.replace_each(task),
            // The entry does not say what else about the user changed.
            Entity::User(UserVersion { id, version }) => {
                let key = Key::User(*id);
                if self.values.get(&key).is_some_and(|user| user.version() < *version) {
                    self.values.invalidate(&key);
                }
            }
            Entity::Rights(_) => {}
        }
    }

    fn replace_each<T: Cached>(&self, entity: &Arc<T>) {
        for fields in T::FIELDS.iter().filter(|fields| self.values.contains_key(&T::key(entity.id(), **fields))) {
            self.put_fields(entity, *fields);
        }
    }

    /// Puts an entity that a write of this node left in the place of older ones, and its whole in any case.
    pub(super) fn write_through<T: Cached>(&self, entity: &Arc<T>) {
        self.put_fields(entity, T::WHOLE);
        self.replace_each(entity);
    }

    fn put_fields<T: Cached>(&self, entity: &Arc<T>, fields: T::Fields) {
        let is_whole = fields == T::WHOLE;
        let row = if is_whole { Arc::clone(entity) } else { Arc::new(entity.with_fields(fields)) };
        self.put(T::key(entity.id(), fields), T::value(row));
    }

    /// What it has of an entity with exactly these fields, whether or not that may be shown.
    pub(super) fn cached<T: Cached>(&self, id: T::Id, fields: T::Fields) -> Option<Arc<T>> {
        T::from_value(&self.values.get(&T::key(id, fields))?).cloned()
    }

    /// Notes that a customer has placed an order, which counts as change `at`. Before that, change `before` was the last one
    /// of which orders they have. The lock of the state is held.
    pub(super) fn note_placed(&self, order: &Order, before: Step, at: Step) {
        let key = Key::NewOrders(order.customer);
        let known = match self.values.get(&key) {
            Some(Value::NewOrders(known)) => Some(known),
            _ => None,
        };
        if let Some(new) = NewOrders::with(known.as_deref(), order, before, at) {
            self.values.insert(key, Value::NewOrders(Arc::new(new)));
        }
    }

    /// Puts an entity in the place of an older version. The lock of the state is held.
    pub(super) fn put(&self, key: Key, value: Value) {
        if self.values.get(&key).is_none_or(|old| old.version() <= value.version()) {
            self.values.insert(key, value);
        }
    }
}
