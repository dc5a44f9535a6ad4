//! How old reads may be, and tokens with which a client reads its own writes on every node.

use std::{fmt, str::FromStr, time::Duration};

use super::{EventCursor, LogId, LogPosition, Seq, Timestamp};

/// How old a read may be: it shows everything that the log had this long ago. What answers reads by what the feed has read
/// checks that the feed has read the log to its end within this time.
pub const MAX_READ_AGE: Duration = Duration::from_secs(1);

/// What a mutation answers in `extensions.consistency.token`. A read that brings it sees everything that the mutation
/// committed.
///
/// Its text is `k`, 8 hexadecimal digits of the log, 16 of the hidden number of an entry, 8 of the node, 12 of the time in
/// milliseconds, and `1` if the log had everything of the mutation, else `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsistencyToken {
    /// Position of the newest entry that the node knew of.
    pub cursor: EventCursor,
    /// A number that the node has made when it started.
    pub node: u32,
    /// When the mutation ended, on the clock of the node.
    pub at: Timestamp,
    /// Whether the log had everything of the mutation at that position. Otherwise it has it a moment later.
    pub is_logged: bool,
}

/// The text is not a [`ConsistencyToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a consistency token of this server; send one exactly as `extensions.consistency.token` of a mutation had it"
)]
pub struct InvalidConsistencyToken;

impl ConsistencyToken {
    /// The number of the entry; negative for a number that is none of this log.
    pub fn seq(&self, log: LogId) -> Seq {
        match self.cursor.position {
            LogPosition::Seq(seq) => seq,
            LogPosition::Sealed(sealed) => log.open(sealed),
            LogPosition::Unsealed(_) | LogPosition::Event(_) => -1,
        }
    }
}

impl fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cursor = self.cursor.to_string();
        let position = cursor.strip_prefix('c').unwrap_or_default();
        write!(f, "k{position}{:08x}{:012x}{}", self.node, self.at.unix_millis_clamped(), u8::from(self.is_logged))
    }
}

impl FromStr for ConsistencyToken {
    type Err = InvalidConsistencyToken;

    fn from_str(text: &str) -> Result<Self, InvalidConsistencyToken> {
        let digits = text.strip_prefix('k').filter(|digits| digits.len() == 45 && digits.is_ascii());
        let digits = digits.ok_or(InvalidConsistencyToken)?;
        let (position, rest) = digits.split_at(24);
        let (node, rest) = rest.split_at(8);
        let (at, is_logged) = rest.split_at(12);
        let is_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if !node.bytes().chain(at.bytes()).all(is_hex) {
            return Err(InvalidConsistencyToken);
        }
        let at = i64::from_str_radix(at, 16).map_err(|_| InvalidConsistencyToken)?;
        Ok(Self {
            cursor: format!("c{position}").parse().map_err(|_| InvalidConsistencyToken)?,
            node: u32::from_str_radix(node, 16).map_err(|_| InvalidConsistencyToken)?,
            at: Timestamp::from_unix_millis(at),
            is_logged: match is_logged {
                "0" => false,
                "1" => true,
                _ => return Err(InvalidConsistencyToken),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CursorKey;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is() {
        let log = LogId::with_key(0xfeed, CursorKey(7));
        let at = Timestamp::from_unix_millis(1_764_000_000_123);
        let token = ConsistencyToken { cursor: EventCursor::after(log, 12), node: 5, at, is_logged: true };
        let text = token.to_string();
        let read: ConsistencyToken = text.parse().unwrap();
        assert_eq!(
            (read.to_string(), read.seq(log), read.node, read.at, read.is_logged),
            (text.clone(), 12, 5, at, true)
        );
        for wrong in
            ["", "k", &text[1..], &text[..45], &format!("{text}0"), &text.to_uppercase(), &text.replace('k', "c")]
        {
            assert_eq!(wrong.parse::<ConsistencyToken>(), Err(InvalidConsistencyToken), "{wrong}");
        }
        assert!(format!("{}2", &text[..45]).parse::<ConsistencyToken>().is_err());
        assert!("k0000feedé".parse::<ConsistencyToken>().is_err());
    }
}
