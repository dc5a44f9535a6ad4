//! The event log: every change of an order, a task or a product, in the order in which they were committed.
//!
//! The transaction that makes a change also takes the entry's `seq` from one counter, and holds the counter until it
//! ends. So numbers are given in commit order and without gaps: when entry *n* can be read, every entry below *n* can
//! be too, and a reader that has seen up to *n* misses nothing by asking for what is above *n*.
//!
//! Decision: `docs/decisions/0001-event-log-numbers.md`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{Entity, EntityKind, EventId, OrderStatus, Stamp, Timestamp, UserId, declare::text_enum};

/// A number in the event log: 1 for the first entry, without gaps. 0 stands before all entries.
pub type Seq = i64;

/// Identifies a deployment's log: a random number made with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(pub u32);

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

/// An entry of the event log that has no number yet. The engine takes the number as late as it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// What happened.
    pub kind: EventKind,
    /// For an order whose status changed: the status before.
    pub previous_status: Option<OrderStatus>,
    /// The entity after the change.
    pub entity: Entity,
}

impl EventDraft {
    /// An entry that names no previous status.
    pub fn new(kind: EventKind, entity: impl Into<Entity>) -> Self {
        Self { kind, previous_status: None, entity: entity.into() }
    }

    /// The entry with its number.
    pub fn numbered(self, seq: Seq, stamp: Stamp) -> Event {
        Event {
            seq,
            id: EventId::generate(stamp.at),
            kind: self.kind,
            previous_status: self.previous_status,
            entity: self.entity,
            actor: stamp.actor,
            occurred_at: stamp.at,
        }
    }
}

/// An entity after a change, and the entry that the change appends to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    /// The entity to save, or to delete.
    pub value: T,
    /// The entry to append.
    pub draft: EventDraft,
}

impl<T: Clone + Into<Entity>> Changed<T> {
    pub(super) fn new(kind: EventKind, value: T) -> Self {
        Self { draft: EventDraft::new(kind, value.clone()), value }
    }

    /// A new entity.
    pub fn created(value: T) -> Self {
        Self::new(EventKind::Created, value)
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
    /// User who made the change; `None` for Orderwire itself.
    pub actor: Option<UserId>,
    /// Time of the change.
    pub occurred_at: Timestamp,
}

/// Selects entries of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFilter {
    /// Only about this kind of entity; `None` for every entry.
    pub kind: Option<EntityKind>,
    /// Only about the entity with this id.
    pub entity: Option<Ulid>,
}

impl LogFilter {
    /// Every entry.
    pub const ALL: Self = Self { kind: None, entity: None };

    /// A filter that passes at least every entry that one of the two passes.
    pub fn or(self, other: Self) -> Self {
        Self {
            kind: self.kind.filter(|kind| other.kind == Some(*kind)),
            entity: self.entity.filter(|id| other.entity == Some(*id)),
        }
    }

    /// Whether the entry passes the filter.
    pub fn matches(&self, event: &Event) -> bool {
        self.kind.is_none_or(|kind| event.entity.kind() == kind) && self.entity.is_none_or(|id| event.entity.id() == id)
    }
}

/// The position of a client in the log: the log and the number of the last entry the client has seen. Clients hold it
/// as an opaque text, which is valid on every node of one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventCursor {
    /// The deployment's log.
    pub log: LogId,
    /// Number of the last entry seen.
    pub seq: Seq,
}

/// The text is not an event cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event cursor of this server; pass one exactly as it was received")]
pub struct InvalidCursor;

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{:08x}{:016x}", self.log.0, self.seq)
    }
}

impl FromStr for EventCursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.strip_prefix('e').ok_or(InvalidCursor)?;
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 24 || !digits.bytes().all(hex) {
            return Err(InvalidCursor);
        }
        let log = u32::from_str_radix(&digits[..8], 16).map_err(|_| InvalidCursor)?;
        let seq = Seq::from_str_radix(&digits[8..], 16).map_err(|_| InvalidCursor)?;
        Ok(Self { log: LogId(log), seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_sort_like_the_log() {
        let [early, late] = [9, 10].map(|seq| EventCursor { log: LogId(0xfeed), seq });
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn mangled_cursors_are_refused() {
        let good = EventCursor { log: LogId(1), seq: 1 }.to_string();
        for bad in [
            "",
            "e",
            &good[1..],
            &good[..24],
            &good.to_uppercase(),
            "e00000001ffffffffffffffff",
            &good.replace('1', "+"),
            "é0000000100000000000000001",
        ] {
            assert_eq!(bad.parse::<EventCursor>(), Err(InvalidCursor), "{bad}");
        }
    }
}
