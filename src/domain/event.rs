//! The event log: every change of an order, a task, a product or a user, and every end of rights, in the order in which
//! they were committed.
//!
//! What an entry is made of, an [`EventDraft`], is stored in the same atomic step as the change. Its `seq` is given in
//! commit order and without gaps, in that step (SQLite) or right after it (MongoDB). When entry *n* can be read, every
//! entry below *n* can be too, and a reader that has seen up to *n* misses nothing by asking for what is above *n*.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

mod before;
mod change;
mod cursor;
mod event_type;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

pub use self::{
    before::Before,
    change::{Changed, EventKind},
    cursor::{CursorKey, EventCursor, InvalidCursor, LogId, LogPosition, Seq},
    event_type::{EventFilter, EventType},
};
use super::{Entity, EntityKind, EventId, OrderStatus, RightsChange, Stamp, Timestamp, User, UserId, UserVersion};

/// An entry of the event log that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// The id that the entry has from now on.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// For an order whose status changed: the status before.
    pub previous_status: Option<OrderStatus>,
    /// The entity after the change.
    pub entity: Entity,
    /// What the change replaced of the values that decide who is told of the entity, and which lists it is in.
    pub before: Before,
    /// Author and time of the change.
    pub stamp: Stamp,
}

impl EventDraft {
    /// An entry that names no previous status, of a change that leaves it as it was who is told of the entity.
    pub fn new(kind: EventKind, entity: impl Into<Entity>, stamp: Stamp) -> Self {
        let (id, entity) = (Self::new_id(stamp), entity.into());
        Self { id, kind, previous_status: None, entity, before: Before::default(), stamp }
    }

    /// A new id for the entry of a change.
    pub fn new_id(stamp: Stamp) -> EventId {
        EventId::generate(stamp.at)
    }

    /// The entry with its number.
    pub fn numbered(self, seq: Seq) -> Event {
        Event {
            seq,
            id: self.id,
            kind: self.kind,
            previous_status: self.previous_status,
            entity: self.entity,
            before: self.before,
            actor: self.stamp.actor,
            occurred_at: self.stamp.at,
        }
    }
}

impl<T: Clone + Into<Entity>> Changed<T> {
    /// The entry that the change appends to the log.
    pub fn draft(&self, stamp: Stamp) -> EventDraft {
        EventDraft { before: self.before, ..EventDraft::new(self.kind, self.value.clone(), stamp) }
    }
}

impl User {
    /// The entry of a change that made this version: a registration, an update or a deletion.
    pub fn draft(&self, kind: EventKind, stamp: Stamp) -> EventDraft {
        EventDraft::new(kind, UserVersion { id: self.id, version: self.version }, stamp)
    }

    /// The entry of the registration. It names no author, because the user has no account before.
    pub fn registration(&self) -> EventDraft {
        self.draft(EventKind::Created, Stamp::system(self.created_at))
    }
}

impl RightsChange {
    /// The entry of the change. It names no author, because nobody reads it.
    pub fn draft(self, at: Timestamp) -> EventDraft {
        EventDraft::new(EventKind::Updated, self, Stamp::system(at))
    }
}

/// An entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the log.
    pub seq: Seq,
    /// An id that is the same wherever the entry is read.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// For an order whose status changed: the status before.
    pub previous_status: Option<OrderStatus>,
    /// The entity right after the change.
    pub entity: Entity,
    /// What the change replaced of the values that decide who is told of the entity, and which lists it is in.
    #[serde(default, skip_serializing_if = "Before::is_empty")]
    pub before: Before,
    /// User who made the change; `None` for Orderwire itself.
    pub actor: Option<UserId>,
    /// Time of the change.
    pub occurred_at: Timestamp,
}

impl Event {
    /// The users who see the entity after the change without being staff, or saw it before the change, each once.
    pub fn audience(&self) -> impl Iterator<Item = UserId> + use<> {
        audience(&self.entity, self.before)
    }
}

impl EventDraft {
    /// The [`Event::audience`] of the entry.
    pub fn audience(&self) -> impl Iterator<Item = UserId> + use<> {
        audience(&self.entity, self.before)
    }
}

fn audience(entity: &Entity, before: Before) -> impl Iterator<Item = UserId> + use<> {
    let owners = entity.owners();
    let before = before.assignee.filter(|user| !owners.contains(&Some(*user)));
    owners.into_iter().chain([before]).flatten()
}

/// Selects entries of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFilter {
    /// Only about this kind of entity; `None` for every entry.
    pub kind: Option<EntityKind>,
    /// Only about the entity with this id.
    pub entity: Option<Ulid>,
    /// Only those that have this user in their [`Event::audience`].
    pub user: Option<UserId>,
}

impl LogFilter {
    /// Every entry.
    pub const ALL: Self = Self { kind: None, entity: None, user: None };

    /// A filter that passes at least every entry that one of the two passes.
    pub fn or(self, other: Self) -> Self {
        Self {
            kind: self.kind.filter(|kind| other.kind == Some(*kind)),
            entity: self.entity.filter(|id| other.entity == Some(*id)),
            user: self.user.filter(|id| other.user == Some(*id)),
        }
    }

    /// Whether an entry about this entity may pass the filter. Cheaper than [`Self::matches`], which needs the whole entry.
    pub fn may_match(&self, kind: EntityKind, id: Ulid) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind) && self.entity.is_none_or(|wanted| wanted == id)
    }

    /// Whether the entry passes the filter.
    pub fn matches(&self, event: &Event) -> bool {
        self.may_match(event.entity.kind(), event.entity.id())
            && self.user.is_none_or(|user| event.audience().any(|member| member == user))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Task, *};

    #[test]
    fn an_entry_without_values_before_the_change_is_read_and_written() {
        let at = Timestamp::from_unix_millis(1);
        let [maker, anna] = [1, 2].map(|number| UserId::from_bytes([number; 16]));
        let task = Task::new(super::super::TaskId::generate(at), "work", maker, at);
        let event = EventDraft::new(EventKind::Updated, task, Stamp::system(at)).numbered(7);
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json.get("before"), None);
        assert_eq!(serde_json::from_value::<Event>(json.clone()).unwrap(), event);
        let left = Event { before: Before { assignee: Some(anna), ..Before::default() }, ..event.clone() };
        let json = serde_json::to_value(&left).unwrap();
        assert_eq!(json["before"], serde_json::json!({ "assignee": anna }));
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), left);
        assert_eq!(event.audience().collect::<Vec<_>>(), [maker]);
        assert_eq!(left.audience().collect::<Vec<_>>(), [maker, anna]);
        let by_maker = Event { before: Before { assignee: Some(maker), ..Before::default() }, ..event };
        assert_eq!(by_maker.audience().collect::<Vec<_>>(), [maker], "each once");
    }
}
