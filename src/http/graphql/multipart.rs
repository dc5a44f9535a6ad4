//! Multipart subscriptions:
//! <https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol>.
//!
//! The boundary that ends a part is sent together with it, so that the client can process it at once.

use serde::Serialize;

use super::{stream_part::StreamPart, wire::Payload};
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

pub(in crate::http) fn write(body: &mut Vec<u8>, part: &StreamPart<'_>) -> serde_json::Result<()> {
    match part {
        StreamPart::Open => {
            body.extend_from_slice(BOUNDARY);
            heartbeat(body)
        }
        StreamPart::KeepAlive { .. } => heartbeat(body),
        StreamPart::Result { payload, .. } => write_part(body, &Message { payload: Some(payload), errors: &[] }),
        StreamPart::Failed { errors } => {
            write_part(body, &Message { payload: None, errors })?;
            end(body)
        }
        StreamPart::Complete => end(body),
        StreamPart::Drained => {
            // Ending without a part would be an error for the client too, but one without a message.
            let errors = [coded("The server is shutting down: ask again.", UNAVAILABLE)];
            write(body, &StreamPart::Failed { errors: &errors })
        }
    }
}

fn heartbeat(body: &mut Vec<u8>) -> serde_json::Result<()> {
    write_part(body, &serde_json::Map::new())
}

fn write_part(body: &mut Vec<u8>, content: &impl Serialize) -> serde_json::Result<()> {
    body.extend_from_slice(b"\r\ncontent-type: application/json\r\n\r\n");
    serde_json::to_writer(&mut *body, content)?;
    body.extend_from_slice(BOUNDARY);
    Ok(())
}

fn end(body: &mut Vec<u8>) -> serde_json::Result<()> {
    body.extend_from_slice(b"--\r\n");
    Ok(())
}
