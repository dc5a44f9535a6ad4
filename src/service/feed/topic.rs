//! What a subscriber waits for.

use ulid::Ulid;

use crate::domain::{Entity, EntityKind, Event, LogFilter, UserId};

/// What a subscriber waits for: no less than what it will pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every entry.
    All,
    /// Entries about this kind of entity.
    Kind(EntityKind),
    /// Entries about one entity.
    Entity(EntityKind, Ulid),
    /// Entries about entities of a kind that are a user's: their orders, the tasks they made or are assigned to.
    User(EntityKind, UserId),
}

impl From<Topic> for LogFilter {
    /// What the log can leave out for the topic.
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
        let users = match &event.entity {
            Entity::Order(order) => [Some(order.customer), None],
            Entity::Task(task) => [Some(task.created_by), task.assignee.filter(|user| *user != task.created_by)],
            Entity::Product(_) => [None, None],
        };
        let users = users.into_iter().flatten().map(move |user| Self::User(kind, user));
        [Self::All, Self::Kind(kind), Self::Entity(kind, event.entity.id())].into_iter().chain(users)
    }
}
