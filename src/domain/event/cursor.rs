//! Positions in the event log: the numbers of its entries, and the cursors that clients hold.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use sha2::{Digest, Sha256};

use super::super::EventId;

/// A number in the event log: 1 for the first entry, without gaps. 0 stands before all entries.
pub type Seq = i64;

/// Identifies a deployment's log: a random number made with the database, and again when the database was restored from a
/// backup. With it comes the key that hides the numbers of the log's entries in cursors; logs with the same id are equal
/// whatever the key.
#[derive(Debug, Clone, Copy)]
pub struct LogId(pub u32, CursorKey);

/// Hides the numbers of entries from clients, to whom they would tell how much is bought. It is made with the database,
/// where all nodes read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CursorKey(pub i64);

impl LogId {
    /// The log with this id, without a secret key.
    pub const fn new(id: u32) -> Self {
        Self(id, CursorKey(0))
    }

    /// The log with this id and key.
    pub const fn with_key(id: u32, key: CursorKey) -> Self {
        Self(id, key)
    }

    /// The key of its cursors.
    pub const fn key(self) -> CursorKey {
        self.1
    }

    /// The number that [`CursorKey`] has hidden; negative for a number that is none of this log.
    pub fn open(self, sealed: u64) -> Seq {
        self.1.open(sealed)
    }
}

impl PartialEq for LogId {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for LogId {}

impl Hash for LogId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// A Feistel network of four rounds: a permutation of the numbers of 64 bits. Each round changes one half by a hash of
/// the other half and the key.
impl CursorKey {
    const ROUNDS: [u8; 4] = [0, 1, 2, 3];

    fn seal(self, seq: Seq) -> u64 {
        let seq = seq as u64;
        // The halves have 32 bits each, so the casts are exact.
        let halves = ((seq >> 32) as u32, seq as u32);
        let (left, right) =
            Self::ROUNDS.iter().fold(halves, |(left, right), round| (right, left ^ self.mix(*round, right)));
        u64::from(left) << 32 | u64::from(right)
    }

    fn open(self, sealed: u64) -> Seq {
        let halves = ((sealed >> 32) as u32, sealed as u32);
        let (left, right) =
            Self::ROUNDS.iter().rev().fold(halves, |(left, right), round| (right ^ self.mix(*round, left), left));
        (u64::from(left) << 32 | u64::from(right)) as Seq
    }

    fn mix(self, round: u8, half: u32) -> u32 {
        let [a, b, c, d, ..]: [u8; 32] = Sha256::new()
            .chain_update(self.0.to_be_bytes())
            .chain_update([round])
            .chain_update(half.to_be_bytes())
            .finalize()
            .into();
        u32::from_be_bytes([a, b, c, d])
    }
}

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
    /// By that number as clients hold it. [`LogId::open`] gives the number.
    Sealed(u64),
    /// By that number in a cursor of an older version, which showed it. Such a cursor has expired: if it were good,
    /// clients could find out the newest number by trying.
    Unsealed(u64),
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

    /// The number of the last entry seen, if the cursor has it and no client has sent it.
    pub fn seq(self) -> Option<Seq> {
        match self.position {
            LogPosition::Seq(seq) => Some(seq),
            LogPosition::Sealed(_) | LogPosition::Unsealed(_) | LogPosition::Event(_) => None,
        }
    }
}

/// `c`, the log in 8 hexadecimal digits and the sealed number in 16, or `e`, the log and the id of the entry in 32.
impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log;
        match self.position {
            LogPosition::Seq(seq) => write!(f, "c{log}{:016x}", log.1.seal(seq)),
            LogPosition::Sealed(sealed) => write!(f, "c{log}{sealed:016x}"),
            LogPosition::Unsealed(seq) => write!(f, "e{log}{seq:016x}"),
            LogPosition::Event(id) => write!(f, "e{log}{:032x}", id.ulid().0),
        }
    }
}

impl FromStr for EventCursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.strip_prefix(['c', 'e']).ok_or(InvalidCursor)?;
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !digits.bytes().all(hex) {
            return Err(InvalidCursor);
        }
        let (log, position) = digits.split_at_checked(8).ok_or(InvalidCursor)?;
        let log = u32::from_str_radix(log, 16).map_err(|_| InvalidCursor)?;
        let number = || u64::from_str_radix(position, 16).map_err(|_| InvalidCursor);
        let position = match (text.starts_with('c'), position.len()) {
            (true, 16) => LogPosition::Sealed(number()?),
            (false, 16) => LogPosition::Unsealed(number()?),
            (false, 32) => {
                let id = u128::from_str_radix(position, 16).map_err(|_| InvalidCursor)?;
                LogPosition::Event(EventId::from_bytes(id.to_be_bytes()))
            }
            _ => return Err(InvalidCursor),
        };
        Ok(Self { log: LogId::new(log), position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn numbers_are_hidden_and_found_again() {
        let log = LogId::with_key(0xfeed, CursorKey(7));
        let other = LogId::with_key(0xfeed, CursorKey(8));
        for seq in [0, 1, 2, 9, 10, 1 << 32, Seq::MAX] {
            let text = EventCursor::after(log, seq).to_string();
            assert!(text.starts_with("c0000feed"), "{text}");
            let cursor: EventCursor = text.parse().unwrap();
            assert_eq!((cursor.log, cursor.seq(), cursor.to_string()), (log, None, text.clone()));
            let LogPosition::Sealed(sealed) = cursor.position else { panic!("{cursor:?}") };
            assert_eq!(log.open(sealed), seq);
            assert_ne!(other.open(sealed), seq, "another key");
        }
    }

    /// Clients keep cursors, so these texts never change.
    #[test]
    fn cursors_never_change() {
        let cursor = EventCursor::after(LogId::with_key(1, CursorKey(2)), 3);
        assert_eq!(cursor.to_string(), "c000000013b68d718bc905d48");
    }

    /// From their cursors, a client can't tell how many entries lie between them.
    #[test]
    fn cursors_of_neighbours_have_nothing_in_common() {
        let log = LogId::with_key(1, CursorKey(2));
        let sealed: Vec<u64> = (0..1000).map(|seq| log.1.seal(seq)).collect();
        let changed_bits: u32 = sealed.windows(2).map(|pair| (pair[0] ^ pair[1]).count_ones()).sum();
        let mean = f64::from(changed_bits) / 999.0;
        assert!((30.0..34.0).contains(&mean), "{mean} of 64 bits change");
    }

    #[test]
    fn a_cursor_of_an_older_version_shows_its_number() {
        let text = "e00000001000000000000000f";
        let cursor = EventCursor { log: LogId::new(1), position: LogPosition::Unsealed(15) };
        assert_eq!((text.parse(), cursor.to_string().as_str()), (Ok(cursor), text));
    }

    #[test]
    fn a_cursor_may_name_the_entry_by_its_id() {
        let id = EventId::generate(Timestamp::from_unix_millis(1));
        let cursor = EventCursor { log: LogId::new(1), position: LogPosition::Event(id) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn mangled_cursors_are_refused() {
        let good = EventCursor::after(LogId::new(1), 1).to_string();
        for bad in [
            "",
            "e",
            &good[1..],
            &good[..24],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replace('c', "d"),
            &good.replacen('0', "+", 1),
            &format!("c00000001{}", "0".repeat(32)),
            "é0000000100000000000000001",
        ] {
            assert_eq!(bad.parse::<EventCursor>(), Err(InvalidCursor), "{bad}");
        }
    }
}
