//! What the rules return for a change of one entity: its new state, and what kind of change it is.

use super::{super::declare::text_enum, Before};

text_enum! {
    /// What happened to the entity.
    pub enum EventKind {
        /// The entity is new.
        Created => "CREATED",
        /// Its status changed, perhaps with other fields.
        StatusChanged => "STATUS_CHANGED",
        /// Other fields than its status changed.
        Updated => "UPDATED",
        /// The entity is gone; the entry holds its last state.
        Deleted => "DELETED",
    }
}

/// An entity after a change. [`Changed::draft`] makes the log entry of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    /// What happened.
    pub kind: EventKind,
    /// The entity to save, or to delete.
    pub value: T,
    /// What the change replaced of the values that decide who is told of the entity, and which lists it is in.
    pub before: Before,
}

impl<T> Changed<T> {
    /// A change that leaves it as it was who is told of the entity.
    pub fn new(kind: EventKind, value: T) -> Self {
        Self { kind, value, before: Before::default() }
    }

    /// A new entity.
    pub fn created(value: T) -> Self {
        Self::new(EventKind::Created, value)
    }
}
