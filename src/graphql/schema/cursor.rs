//! List cursors: opaque texts for positions. A cursor names its list and sorting and carries a checksum, so that a
//! cursor of another list, or a damaged one, is refused instead of paging from a wrong position.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::{
    domain::{Direction, Position, SortKey},
    graphql::engine::error::{ApiError, ApiResult},
};

/// What a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListTag {
    /// The kind of list.
    pub list: u8,
    /// The sort field.
    pub field: u8,
    /// Which way.
    pub direction: Direction,
}

impl ListTag {
    fn bytes(self) -> [u8; 3] {
        [self.list, self.field, u8::from(self.direction == Direction::Desc)]
    }
}

const CHECKSUM_LEN: usize = 4;
const ID_LEN: usize = 16;
/// Longer than any cursor that is made here: names have at most a few hundred characters.
const MAX_TEXT: usize = 4096;

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let digest = Sha256::digest(body);
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The cursor of `position` in the list `tag`.
pub(crate) fn encode(tag: ListTag, position: &Position) -> String {
    let mut body = tag.bytes().to_vec();
    body.extend(position.id.to_bytes());
    match &position.key {
        SortKey::Int(value) => {
            body.push(b'i');
            body.extend(value.to_be_bytes());
        }
        SortKey::Score(bits) => {
            body.push(b's');
            body.extend(bits.to_be_bytes());
        }
        SortKey::Text(text) => {
            body.push(b't');
            body.extend(text.as_bytes());
        }
    }
    body.extend(checksum(&body));
    URL_SAFE_NO_PAD.encode(body)
}

fn refused(argument: &str, why: &str) -> ApiError {
    ApiError::bad_input(format!("{argument}: {why}; pass a cursor exactly as this list gave it"))
}

/// The refusal of a text that is no cursor, in the argument of this name.
pub(crate) fn mangled(argument: &str) -> ApiError {
    refused(argument, "not a cursor")
}

/// The position of a cursor, which must belong to the list `tag`. `argument` names it in the error.
pub(crate) fn decode(tag: ListTag, argument: &str, text: &str) -> ApiResult<Position> {
    let mangled = || mangled(argument);
    if text.len() > MAX_TEXT {
        return Err(mangled());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| mangled())?;
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or_else(mangled)?;
    if checksum(body) != *sum {
        return Err(mangled());
    }
    let (tag_bytes, rest) = body.split_first_chunk::<3>().ok_or_else(mangled)?;
    if *tag_bytes != tag.bytes() {
        return Err(refused(argument, "a cursor of another list or sorting"));
    }
    let (id, key) = rest.split_first_chunk::<ID_LEN>().ok_or_else(mangled)?;
    let key = match key.split_first() {
        Some((b'i', value)) => SortKey::Int(i64::from_be_bytes(value.try_into().map_err(|_| mangled())?)),
        Some((b's', value)) => {
            let bits = u64::from_be_bytes(value.try_into().map_err(|_| mangled())?);
            SortKey::Score(Some(bits).filter(|bits| f64::from_bits(*bits).is_finite()).ok_or_else(mangled)?)
        }
        Some((b't', text)) => SortKey::Text(String::from_utf8(text.to_vec()).map_err(|_| mangled())?),
        _ => return Err(mangled()),
    };
    Ok(Position { key, id: Ulid::from_bytes(*id) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OrderSort, ProductSort, SortField, TaskPriority, TaskSort, UserSort};

    const TAG: ListTag = ListTag { list: b'p', field: 1, direction: Direction::Asc };

    fn positions() -> [Position; 3] {
        let id = Ulid::from_parts(7, 9);
        [SortKey::Int(i64::MIN), SortKey::Score(1.5_f64.to_bits()), SortKey::Text("b\u{fc}cher".into())]
            .map(|key| Position { key, id })
    }

    /// Clients keep cursors, so these texts never change.
    #[test]
    fn cursors_never_change() {
        let id = Ulid::from_parts(7, 9);
        let tag = |list, field, direction| ListTag { list, field, direction };
        for (tag, key, text) in [
            (
                tag(b'p', ProductSort::Price.cursor_tag(), Direction::Asc),
                SortKey::Int(25_000),
                "cAIAAAAAAAAHAAAAAAAAAAAACWkAAAAAAABhqLBbtl8",
            ),
            (
                tag(b'p', ProductSort::Relevance.cursor_tag(), Direction::Desc),
                SortKey::Score(1.5_f64.to_bits()),
                "cAQBAAAAAAAHAAAAAAAAAAAACXM_-AAAAAAAAKbGOSI",
            ),
            (
                tag(b'u', UserSort::Name.cursor_tag(), Direction::Asc),
                SortKey::Text("b\u{fc}cher".into()),
                "dQEAAAAAAAAHAAAAAAAAAAAACXRiw7xjaGVyKIWQFA",
            ),
            (
                tag(b't', TaskSort::Priority.cursor_tag(), Direction::Desc),
                SortKey::Int(TaskPriority::Urgent.rank()),
                "dAIBAAAAAAAHAAAAAAAAAAAACWkAAAAAAAAAAwUSvKc",
            ),
            (
                tag(b'o', OrderSort::PlacedAt.cursor_tag(), Direction::Desc),
                SortKey::Int(1_764_000_000_123),
                "bwABAAAAAAAHAAAAAAAAAAAACWkAAAGatpfoe1CRoMw",
            ),
        ] {
            let position = Position { key, id };
            assert_eq!(encode(tag, &position), text);
            assert_eq!(decode(tag, "after", text).unwrap(), position);
        }
    }

    #[test]
    fn cursors_round_trip() {
        for position in positions() {
            assert_eq!(decode(TAG, "after", &encode(TAG, &position)).unwrap(), position);
        }
    }

    #[test]
    fn foreign_and_mangled_cursors_are_refused() {
        for position in positions() {
            let good = encode(TAG, &position);
            for other in [
                ListTag { list: b'o', ..TAG },
                ListTag { field: 2, ..TAG },
                ListTag { direction: Direction::Desc, ..TAG },
            ] {
                assert!(decode(other, "after", &good).is_err());
            }
            for at in 0..good.len() {
                let mut mangled = good.clone().into_bytes();
                mangled[at] = if mangled[at] == b'A' { b'B' } else { b'A' };
                assert!(decode(TAG, "after", std::str::from_utf8(&mangled).unwrap()).is_err(), "{at}");
                assert!(decode(TAG, "after", &good[..at]).is_err(), "{at}");
            }
        }
        for bad in ["", "=", "ord_01", &"A".repeat(100_000), "\0"] {
            assert!(decode(TAG, "after", bad).is_err());
        }
    }
}
