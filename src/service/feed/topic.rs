//! What a subscriber waits for.

use ulid::Ulid;

use crate::domain::{EntityKind, Event, LogFilter, UserId};

/// A set of log entries that a subscriber waits for. It contains at least everything that the subscriber selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every entry.
    All,
    /// Entries about this kind of entity.
    Kind(EntityKind),
    /// Entries about one entity.
    Entity(EntityKind, Ulid),
    /// Entries about a user's entities of a kind: their orders, the tasks they made or are or were assigned to.
    User(EntityKind, UserId),
}

impl From<Topic> for LogFilter {
    /// What of the log the topic needs.
    fn from(topic: Topic) -> Self {
        let (kind, entity) = match topic {
            Topic::All => (None, None),
            Topic::Kind(kind) | Topic::User(kind, _) => (Some(kind), None),
            Topic::Entity(kind, id) => (Some(kind), Some(id)),
        };
        Self { kind, entity }
    }
}

impl Topic {
    /// The topics that an entry belongs to.
    pub(super) fn for_event(event: &Event) -> impl Iterator<Item = Self> {
        let kind = event.entity.kind();
        let users = event.audience().map(move |user| Self::User(kind, user));
        [Self::All, Self::Kind(kind), Self::Entity(kind, event.entity.id())].into_iter().chain(users)
    }
}
