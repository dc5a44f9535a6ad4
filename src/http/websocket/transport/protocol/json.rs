//! Writes messages as JSON.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{envelope::MAX_ID, message::OperationPosition};
use crate::http::graphql::wire::append_json;

/// Bytes to reserve for everything in a message except its payload.
const ENVELOPE_BYTES: usize = 128;

/// Appends a message. Fails when it has more than `limit` bytes beside the envelope.
pub(super) fn write_json(message: &impl Serialize, into: &mut Vec<u8>, limit: usize) -> serde_json::Result<()> {
    into.reserve(ENVELOPE_BYTES);
    append_json(into, message, limit.saturating_add(ENVELOPE_BYTES + MAX_ID))
}

/// The payload of a keep-alive message: `{"cursors":{"<operation id>":"<cursor>"}}`.
#[derive(Serialize)]
pub(super) struct Positions<'a> {
    #[serde(serialize_with = "by_operation")]
    cursors: &'a [OperationPosition],
}

impl<'a> Positions<'a> {
    /// `None` when there are no positions to tell.
    pub(super) fn new(cursors: &'a [OperationPosition]) -> Option<Self> {
        (!cursors.is_empty()).then_some(Self { cursors })
    }
}

fn by_operation<S: Serializer>(cursors: &[OperationPosition], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(cursors.iter().map(|position| (&*position.id, position.cursor.to_string())))
}

/// Writes a result that is already JSON text: the same as by serde, but faster. Every delivery is such a result.
pub(super) fn write_next(kind: &str, id: &str, payload: &RawValue, into: &mut Vec<u8>) -> serde_json::Result<()> {
    into.reserve(ENVELOPE_BYTES + id.len() + payload.get().len());
    into.extend_from_slice(br#"{"type":""#);
    into.extend_from_slice(kind.as_bytes());
    into.extend_from_slice(br#"","id":"#);
    serde_json::to_writer(&mut *into, id)?;
    into.extend_from_slice(br#","payload":"#);
    into.extend_from_slice(payload.get().as_bytes());
    into.push(b'}');
    Ok(())
}
