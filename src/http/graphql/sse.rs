//! Server-sent events: <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>, distinct connections mode.
//! The id of an event is the cursor after which a client resumes.

use std::io::Write;

use super::{
    stream_part::{StreamPart, failure},
    wire::{Payload, append_json},
};

pub(in crate::http) const CONTENT_TYPE: &str = "text/event-stream; charset=utf-8";

const KEEP_ALIVE: &[u8] = b":\n\n";

/// How long an `EventSource` waits before it reconnects, in milliseconds.
const RETRY: u32 = 1000;

/// Appends a part. Fails when a result has more than `limit` bytes.
pub(in crate::http) fn write(
    body: &mut Vec<u8>,
    part: &StreamPart<'_>,
    reconnects: bool,
    limit: usize,
) -> serde_json::Result<()> {
    match part {
        StreamPart::Open => {
            // Some clients wait for the first byte.
            body.extend_from_slice(KEEP_ALIVE);
            if reconnects {
                // Writing to memory cannot fail.
                let _ = write!(body, "retry: {RETRY}\n\n");
            }
        }
        StreamPart::KeepAlive { position } => {
            body.extend_from_slice(KEEP_ALIVE);
            // An id without an event: <https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage>
            // sets the last event id before it looks for data. Some libraries for `EventSource` set it only for an
            // event with data, so theirs is empty; it has no type, so scripts that listen to `next` don't notice it.
            if let Some(position) = position {
                let data = if reconnects { "data:\n" } else { "" };
                let _ = write!(body, "id: {position}\n{data}\n");
            }
        }
        StreamPart::Result { payload, cursor } => {
            body.extend_from_slice(b"event: next\n");
            if let Some(cursor) = cursor {
                let _ = writeln!(body, "id: {cursor}");
            }
            data(body, payload, limit)?;
        }
        StreamPart::Failed { errors } => {
            body.extend_from_slice(b"event: next\n");
            data(body, &Payload::Result((&failure(errors)).into()), limit)?;
            complete(body);
        }
        StreamPart::Complete => complete(body),
        // Without `complete` the client treats this as a lost connection and reconnects.
        StreamPart::Drained => {}
    }
    Ok(())
}

/// Writes the data of an event. JSON is a single line, because line breaks in it are escaped.
fn data(body: &mut Vec<u8>, payload: &Payload<'_>, limit: usize) -> serde_json::Result<()> {
    body.extend_from_slice(b"data: ");
    append_json(body, payload, limit)?;
    body.extend_from_slice(b"\n\n");
    Ok(())
}

/// Writes the `complete` event. It has empty data, because `EventSource` ignores events without data.
fn complete(body: &mut Vec<u8>) {
    body.extend_from_slice(b"event: complete\ndata:\n\n");
}
