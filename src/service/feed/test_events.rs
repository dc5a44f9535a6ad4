//! Events for the unit tests of the feed.

use std::sync::Arc;

use crate::domain::{Before, Entity, Event, EventId, EventKind, Seq, Task, TaskId, TaskPriority, Timestamp, UserId};

/// An entry about some task.
pub fn event(seq: Seq) -> Arc<Event> {
    event_of(seq, 0)
}

/// An entry about a task with a description of this many bytes.
pub fn event_of(seq: Seq, description: usize) -> Arc<Event> {
    let at = Timestamp::from_unix_millis(0);
    let task = Task {
        priority: TaskPriority::Low,
        description: Some("x".repeat(description)),
        ..Task::new(TaskId::from_bytes([1; 16]), "Pack", UserId::from_bytes([2; 16]), at)
    };
    Arc::new(Event {
        seq,
        id: EventId::generate(at),
        kind: EventKind::Updated,
        previous_status: None,
        entity: Entity::Task(Arc::new(task)),
        before: Before::default(),
        actor: None,
        occurred_at: at,
    })
}
