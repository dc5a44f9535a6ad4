//! What the rules return for a change of one entity: its new state, and what kind of change it is.

use super::super::declare::text_enum;

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
}

impl<T> Changed<T> {
    /// A new entity.
    pub fn created(value: T) -> Self {
        Self { kind: EventKind::Created, value }
    }
}
