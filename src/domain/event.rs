//! The event log: every change of an order, a task or a product, in the order in which they were committed.
//!
//! An entry's `seq` is taken from one counter inside the same transaction that makes the change, and the counter is
//! held until that transaction ends. So numbers are given in commit order and without gaps: when entry *n* can be
//! read, every entry below *n* can be, and a reader that has seen up to *n* misses nothing by asking for what is
//! above *n*. An entry that commits late with a lower number cannot exist. See `docs/decisions/` for the cost.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{EventId, Order, OrderStatus, Product, Task, Timestamp, UserId};

/// A place in the event log: 1 for the first entry, without gaps. 0 is the place before all entries.
pub type Seq = i64;

/// Which deployment's log a cursor belongs to: a random number made with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(pub u32);

/// What happened to the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// It was made.
    Created,
    /// Its status changed.
    StatusChanged,
    /// Something else of it changed.
    Updated,
    /// It is gone; the entry holds its last state.
    Deleted,
}

/// The kinds of things the log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntityKind {
    /// Orders.
    Order,
    /// Tasks.
    Task,
    /// Products.
    Product,
}

/// The whole state of an entity right after the change, so that no later state is ever read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Entity {
    /// An order with its items and history.
    Order(Arc<Order>),
    /// A task with its description.
    Task(Arc<Task>),
    /// A product with its description.
    Product(Arc<Product>),
}

impl Entity {
    /// What it is.
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Order(_) => EntityKind::Order,
            Self::Task(_) => EntityKind::Task,
            Self::Product(_) => EntityKind::Product,
        }
    }

    /// Its id without the type.
    pub fn id(&self) -> Ulid {
        match self {
            Self::Order(order) => order.id.ulid(),
            Self::Task(task) => task.id.ulid(),
            Self::Product(product) => product.id.ulid(),
        }
    }

    /// Its version after the change.
    pub fn version(&self) -> i32 {
        match self {
            Self::Order(order) => order.version,
            Self::Task(task) => task.version,
            Self::Product(product) => product.version,
        }
    }
}

/// An entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log.
    pub seq: Seq,
    /// Stable identity.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// For an order whose status changed: the status before.
    pub previous_status: Option<OrderStatus>,
    /// What it happened to, as it was right afterwards.
    pub entity: Entity,
    /// Who did it; `None` for Orderwire itself.
    pub actor: Option<UserId>,
    /// When.
    pub occurred_at: Timestamp,
}

/// Which entries of the log are read.
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

    /// What lets pass all that either of them does, and perhaps more.
    pub fn or(self, other: Self) -> Self {
        Self {
            kind: self.kind.filter(|kind| other.kind == Some(*kind)),
            entity: self.entity.filter(|id| other.entity == Some(*id)),
        }
    }

    /// Whether the entry passes.
    pub fn matches(&self, event: &Event) -> bool {
        self.kind.is_none_or(|kind| event.entity.kind() == kind) && self.entity.is_none_or(|id| event.entity.id() == id)
    }
}

/// An opaque position in the log, valid on every node of one deployment: text for clients,
/// the log and the number of the last entry seen for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventCursor {
    /// Which log.
    pub log: LogId,
    /// The last entry seen.
    pub seq: Seq,
}

/// The text is not a cursor.
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
