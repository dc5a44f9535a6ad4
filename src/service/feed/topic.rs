//! What a subscriber waits for.

use ulid::Ulid;

use crate::domain::{EntityKind, Event, LogFilter, UserId};

/// A set of log entries that a subscriber waits for. It contains at least everything that the subscriber selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every entry that clients may see.
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
        match topic {
            Topic::All => Self::ALL,
            Topic::Kind(kind) => Self { kind: Some(kind), ..Self::ALL },
            Topic::Entity(kind, id) => Self { kind: Some(kind), entity: Some(id), ..Self::ALL },
            Topic::User(kind, user) => Self { kind: Some(kind), user: Some(user), ..Self::ALL },
        }
    }
}

impl Topic {
    /// The topics that an entry belongs to.
    pub(super) fn for_event(event: &Event) -> impl Iterator<Item = Self> {
        let kind = event.entity.kind();
        let users = event.audience().map(move |user| Self::User(kind, user));
        let all = (kind != EntityKind::Rights).then_some(Self::All);
        all.into_iter().chain([Self::Kind(kind), Self::Entity(kind, event.entity.id())]).chain(users)
    }
}
