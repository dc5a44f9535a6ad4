//! The answer to a change.

use crate::domain::Event;

/// The result of a change that was committed, with the log entries to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed<T> {
    /// The entity or answer after the change.
    pub value: T,
    /// The appended entries in log order; empty if nothing changed.
    pub events: Vec<Event>,
}

impl<T> Committed<T> {
    /// The answer to a request that changed nothing.
    pub fn unchanged(value: T) -> Self {
        Self { value, events: Vec::new() }
    }
}
