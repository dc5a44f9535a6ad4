//! Positions in the event log: the numbers of its entries, and the cursors that clients hold.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::super::EventId;

/// A number in the event log: 1 for the first entry, without gaps. 0 stands before all entries.
pub type Seq = i64;

/// Identifies a deployment's log: a random number made with the database, and again when the database was restored from a
/// backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(pub u32);

/// 8 hexadecimal digits.
impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What the position of a client is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogPosition {
    /// By the number of the last entry that the client has seen.
    Seq(Seq),
    /// By the id of that entry. A change knows the id of its entry before the entry has a number.
    Event(EventId),
}

/// The position of a client in the log: the log, and the last entry the client has seen. Clients hold it as an opaque
/// text, which is valid on every node of one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventCursor {
    /// The deployment's log.
    pub log: LogId,
    /// The last entry seen.
    pub position: LogPosition,
}

/// The text is not an event cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event cursor of this server; pass one exactly as it was received")]
pub struct InvalidCursor;

impl EventCursor {
    /// The position after the entry with this number.
    pub fn after(log: LogId, seq: Seq) -> Self {
        Self { log, position: LogPosition::Seq(seq) }
    }

    /// The number of the last entry seen, if the cursor has it.
    pub fn seq(self) -> Option<Seq> {
        match self.position {
            LogPosition::Seq(seq) => Some(seq),
            LogPosition::Event(_) => None,
        }
    }
}

/// `e`, the log in 8 hexadecimal digits, then the number in 16 digits or the id of the entry in 32.
impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.log)?;
        match self.position {
            LogPosition::Seq(seq) => write!(f, "{seq:016x}"),
            LogPosition::Event(id) => write!(f, "{:032x}", id.ulid().0),
        }
    }
}

impl FromStr for EventCursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.strip_prefix('e').ok_or(InvalidCursor)?;
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !digits.bytes().all(hex) {
            return Err(InvalidCursor);
        }
        let (log, position) = digits.split_at_checked(8).ok_or(InvalidCursor)?;
        let log = u32::from_str_radix(log, 16).map_err(|_| InvalidCursor)?;
        let position = match position.len() {
            16 => LogPosition::Seq(Seq::from_str_radix(position, 16).map_err(|_| InvalidCursor)?),
            32 => {
                let id = u128::from_str_radix(position, 16).map_err(|_| InvalidCursor)?;
                LogPosition::Event(EventId::from_bytes(id.to_be_bytes()))
            }
            _ => return Err(InvalidCursor),
        };
        Ok(Self { log: LogId(log), position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn cursors_round_trip_and_sort_like_the_log() {
        let [early, late] = [9, 10].map(|seq| EventCursor::after(LogId(0xfeed), seq));
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn a_cursor_may_name_the_entry_by_its_id() {
        let id = EventId::generate(Timestamp::from_unix_millis(1));
        let cursor = EventCursor { log: LogId(1), position: LogPosition::Event(id) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn mangled_cursors_are_refused() {
        let good = EventCursor::after(LogId(1), 1).to_string();
        for bad in [
            "",
            "e",
            &good[1..],
            &good[..24],
            &format!("{good}0"),
            &good.to_uppercase(),
            "e00000001ffffffffffffffff",
            &good.replace('1', "+"),
            "é0000000100000000000000001",
        ] {
            assert_eq!(bad.parse::<EventCursor>(), Err(InvalidCursor), "{bad}");
        }
    }
}
