//! Writes messages as JSON.

use serde::Serialize;
use serde_json::value::RawValue;

/// Room for everything in a message but its payload.
const ENVELOPE_BYTES: usize = 128;

pub(super) fn write_json(message: &impl Serialize, into: &mut Vec<u8>) -> serde_json::Result<()> {
    into.reserve(ENVELOPE_BYTES);
    serde_json::to_writer(into, message)
}

/// What serde makes of a result that is JSON already, faster: every delivery is one.
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
