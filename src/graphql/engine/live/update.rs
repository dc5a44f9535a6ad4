//! What a subscription's root field streams.

use ulid::Ulid;

use crate::{
    domain::{EventCursor, EventId},
    service::{Update, UpdateKind},
};

/// Identifies an update: two with the same id have the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpdateId {
    /// An event of the log, with the entity's state. The cursor alone does not identify it: a database that is restored
    /// from a backup gives it to another event.
    Event(EventCursor, EventId),
    /// An event of the log after which the subscriber no longer sees the entity, or did not ask for it.
    Left(EventCursor, EventId),
    /// The state of an entity at a version.
    Version {
        /// The entity's id, without its type.
        entity: Ulid,
        /// The entity's version.
        version: i32,
    },
}

/// An update that the root field of a subscription streams.
pub trait LiveUpdate: Clone + Send + Sync + 'static {
    /// Where to resume after it; `None` when it is not an event of the log.
    fn cursor(&self) -> Option<EventCursor>;

    /// Where to resume to get it again; `None` when it is not an event of the log.
    fn cursor_before(&self) -> Option<EventCursor>;

    /// Its id; `None` when no other subscriber gets the same update.
    fn id(&self) -> Option<UpdateId>;
}

impl<T: Clone + Send + Sync + 'static> LiveUpdate for Update<T> {
    fn cursor(&self) -> Option<EventCursor> {
        Some(self.cursor)
    }

    fn cursor_before(&self) -> Option<EventCursor> {
        match self.kind {
            UpdateKind::Snapshot => None,
            UpdateKind::Event(_) | UpdateKind::Left => {
                self.cursor.seq().map(|seq| EventCursor::after(self.cursor.log, seq - 1))
            }
        }
    }

    fn id(&self) -> Option<UpdateId> {
        let event = self.event?;
        match self.kind {
            UpdateKind::Snapshot => None,
            UpdateKind::Event(_) => Some(UpdateId::Event(self.cursor, event)),
            UpdateKind::Left => Some(UpdateId::Left(self.cursor, event)),
        }
    }
}
