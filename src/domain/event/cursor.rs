//! Positions in the event log: the numbers of its entries, and the cursors that clients hold.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A number in the event log: 1 for the first entry, without gaps. 0 stands before all entries.
pub type Seq = i64;

/// Identifies a deployment's log: a random number made with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(pub u32);

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
