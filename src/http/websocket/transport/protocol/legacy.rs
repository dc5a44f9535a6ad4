//! `graphql-ws` of subscriptions-transport-ws:
//! <https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md>. A client
//! renews its token with another `connection_init`. Like every message of this protocol, `ka` may have a payload: it
//! tells how far operations are.

use async_graphql::ServerError;
use serde::Serialize;

use super::{
    envelope::Envelope,
    json::{Positions, write_json, write_next},
    message::{ClientMessage, InvalidMessage, ServerMessage},
};
use crate::http::graphql::wire::Payload;

pub(super) fn read(text: &str) -> Result<ClientMessage, InvalidMessage> {
    let envelope = Envelope::read(text)?;
    match &*envelope.kind {
        "connection_init" => Ok(ClientMessage::Init { authorization: envelope.authorization()? }),
        "start" => envelope.operation(),
        "stop" => Ok(ClientMessage::Complete { id: envelope.id()? }),
        "connection_terminate" => Ok(ClientMessage::Terminate),
        kind => {
            Err(InvalidMessage { reason: format!("Invalid message type \"{kind}\"").into(), id: envelope.id().ok() })
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message<'a> {
    ConnectionAck,
    ConnectionError {
        payload: Reason<'a>,
    },
    #[serde(rename = "ka")]
    KeepAlive {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Positions<'a>>,
    },
    Data {
        id: &'a str,
        payload: Payload<'a>,
    },
    Error {
        id: &'a str,
        payload: ErrorPayload<'a>,
    },
    Complete {
        id: &'a str,
    },
}

#[derive(Serialize)]
struct Reason<'a> {
    message: &'a str,
}

/// The protocol has room for one error. Clients that support several read `errors`.
#[derive(Serialize)]
struct ErrorPayload<'a> {
    #[serde(flatten)]
    first: Option<&'a ServerError>,
    #[serde(skip_serializing_if = "is_single")]
    errors: &'a [ServerError],
}

fn is_single(errors: &[ServerError]) -> bool {
    errors.len() <= 1
}

pub(super) fn write(message: ServerMessage<'_>, into: &mut Vec<u8>, limit: usize) -> serde_json::Result<()> {
    let message = match message {
        // A renewal gets the same reply as the first `connection_init`.
        ServerMessage::Ack | ServerMessage::Renewed { .. } => Message::ConnectionAck,
        ServerMessage::Refused { reason } => Message::ConnectionError { payload: Reason { message: reason } },
        ServerMessage::KeepAlive { positions } => Message::KeepAlive { payload: Positions::new(positions) },
        ServerMessage::Next { id, payload: Payload::Json(json) } => return write_next("data", id, json, into),
        ServerMessage::Next { id, payload } => Message::Data { id, payload },
        ServerMessage::Error { id, errors } => {
            Message::Error { id, payload: ErrorPayload { first: errors.first(), errors } }
        }
        ServerMessage::Complete { id } => Message::Complete { id },
        ServerMessage::Pong { .. } => return Ok(()),
    };
    write_json(&message, into, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(errors: &[ServerError]) -> serde_json::Value {
        let mut text = Vec::new();
        write(ServerMessage::Error { id: "1", errors }, &mut text, usize::MAX).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn the_error_payload_is_the_first_error_with_all_errors_in_it() {
        let [first, second] = ["one", "two"].map(|message| ServerError::new(message, None));
        let payload = written(std::slice::from_ref(&first))["payload"].clone();
        assert_eq!((&payload["message"], payload.get("errors")), (&"one".into(), None));
        let payload = written(&[first, second])["payload"].clone();
        assert_eq!((&payload["message"], &payload["errors"][1]["message"]), (&"one".into(), &"two".into()));
    }

    #[test]
    fn an_invalid_message_is_reported_with_its_operation() {
        for (text, id, reason) in [
            (r#"{"type":"subscribe","id":"1"}"#, Some("1"), "Invalid message type \"subscribe\""),
            (r#"{"type":"nothing"}"#, None, "Invalid message type"),
            (r#"{"type":"start","id":"1","payload":{}}"#, Some("1"), "`query` is missing"),
            (r#"{"type":"start","payload":{"query":"{a}"}}"#, None, "'id' property to be a string"),
            ("nonsense", None, "not a JSON object"),
        ] {
            let invalid = read(text).map(|_| ()).unwrap_err();
            assert_eq!(invalid.id.as_deref(), id, "{text}");
            assert!(invalid.reason.contains(reason), "{text}: {}", invalid.reason);
        }
    }
}
