//! Multipart subscriptions:
//! <https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol>.
//!
//! The boundary that ends a part is sent together with it, so that the client can process it at once.
//!
//! A heartbeat is `{}`. For a client that asked for it, it may have the cursor to resume after:
//! `{"extensions":{"cursor":"…"}}`. Apollo Client takes anything but `{}` for a result.

use serde::Serialize;

use super::{
    stream_part::StreamPart,
    wire::{Payload, append_json},
};
use crate::{graphql::code::UNAVAILABLE, http::graphql_error::coded};

pub(in crate::http) const CONTENT_TYPE: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0";

const BOUNDARY: &[u8] = b"\r\n--graphql";

/// `errors` has errors of the transport; those of the operation are in `payload`.
#[derive(Serialize)]
struct Message<'a> {
    payload: Option<&'a Payload<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [async_graphql::ServerError],
}

#[derive(Default, Serialize)]
struct Heartbeat {
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Position>,
}

#[derive(Serialize)]
struct Position {
    cursor: String,
}

/// Appends a part. Fails when a result has more than `limit` bytes.
pub(in crate::http) fn write(
    body: &mut Vec<u8>,
    part: &StreamPart<'_>,
    cursors: bool,
    limit: usize,
) -> serde_json::Result<()> {
    match part {
        StreamPart::Open => {
            body.extend_from_slice(BOUNDARY);
            write_part(body, &Heartbeat::default(), limit)
        }
        StreamPart::KeepAlive { position } => {
            let extensions = position.filter(|_| cursors).map(|position| Position { cursor: position.to_string() });
            write_part(body, &Heartbeat { extensions }, limit)
        }
        StreamPart::Result { payload, .. } => write_part(body, &Message { payload: Some(payload), errors: &[] }, limit),
        StreamPart::Failed { errors } => {
            write_part(body, &Message { payload: None, errors }, limit)?;
            end(body)
        }
        StreamPart::Complete => end(body),
        StreamPart::Drained => {
            // Ending without a part would be an error for the client too, but one without a message.
            let errors = [coded("The server is shutting down: ask again.", UNAVAILABLE)];
            write(body, &StreamPart::Failed { errors: &errors }, cursors, limit)
        }
    }
}

fn write_part(body: &mut Vec<u8>, content: &impl Serialize, limit: usize) -> serde_json::Result<()> {
    body.extend_from_slice(b"\r\ncontent-type: application/json\r\n\r\n");
    append_json(body, content, limit)?;
    body.extend_from_slice(BOUNDARY);
    Ok(())
}

fn end(body: &mut Vec<u8>) -> serde_json::Result<()> {
    body.extend_from_slice(b"--\r\n");
    Ok(())
}
