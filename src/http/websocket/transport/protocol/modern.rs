//! `graphql-transport-ws`: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>. A client
//! renews its token in the payload of a ping. A ping of the server tells how far operations are.

use async_graphql::ServerError;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    envelope::Envelope,
    json::{Positions, write_json, write_next},
    message::{ClientMessage, InvalidMessage, ServerMessage},
};
use crate::{domain::Timestamp, http::graphql::wire::Payload};

pub(super) fn read(text: &str) -> Result<ClientMessage, InvalidMessage> {
    let envelope = Envelope::read(text)?;
    match &*envelope.kind {
        "connection_init" => Ok(ClientMessage::Init { authorization: envelope.authorization()? }),
        "ping" => Ok(match envelope.authorization()? {
            Some(authorization) => ClientMessage::Renew { authorization },
            None => ClientMessage::Ping { payload: envelope.object()?.map(ToOwned::to_owned) },
        }),
        "pong" => envelope.object().map(|_| ClientMessage::Pong),
        "subscribe" => envelope.operation(),
        "complete" => Ok(ClientMessage::Complete { id: envelope.id()? }),
        kind => Err(format!("Invalid message 'type' property \"{kind}\"").into()),
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message<'a> {
    ConnectionAck,
    Ping {
        payload: Positions<'a>,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<PongPayload>,
    },
    Next {
        id: &'a str,
        payload: Payload<'a>,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum PongPayload {
    Same(Box<RawValue>),
    #[serde(rename_all = "camelCase")]
    Renewed {
        expires_at: Option<String>,
    },
}

pub(super) fn write(message: ServerMessage<'_>, into: &mut Vec<u8>, limit: usize) -> serde_json::Result<()> {
    let message = match message {
        ServerMessage::Ack => Message::ConnectionAck,
        ServerMessage::Pong { payload } => Message::Pong { payload: payload.map(PongPayload::Same) },
        ServerMessage::Renewed { expires_at } => {
            let expires_at = expires_at.as_ref().map(Timestamp::to_string);
            Message::Pong { payload: Some(PongPayload::Renewed { expires_at }) }
        }
        ServerMessage::Next { id, payload: Payload::Json(json) } => return write_next("next", id, json, into),
        ServerMessage::Next { id, payload } => Message::Next { id, payload },
        ServerMessage::Error { id, errors } => Message::Error { id, payload: errors },
        ServerMessage::Complete { id } => Message::Complete { id },
        ServerMessage::KeepAlive { positions } => match Positions::new(positions) {
            Some(payload) => Message::Ping { payload },
            // Pings of WebSocket keep the connection alive.
            None => return Ok(()),
        },
        ServerMessage::Refused { .. } => return Ok(()),
    };
    write_json(&message, into, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_is_read_from_the_payload_or_its_headers() {
        for (payload, expected) in [
            (r#"{}"#, None),
            (r#"{"authorization":"Bearer a"}"#, Some("Bearer a")),
            (r#"{"Authorization":"Bearer a","x":[1]}"#, Some("Bearer a")),
            (r#"{"headers":{"AUTHORIZATION":"Bearer a"}}"#, Some("Bearer a")),
            (r#"{"headers":7,"authorization":null}"#, None),
            (r#"{"authorization":"","headers":{"authorization":" \t"}}"#, None),
            (r#"{"authorization":"","headers":{"authorization":"Bearer a"}}"#, Some("Bearer a")),
            (r#"{"Authorization":null,"AUTHORIZATION":"","authorization":"Bearer a"}"#, Some("Bearer a")),
            (r#"{"authorization":"Bearer "}"#, Some("Bearer ")),
        ] {
            let text = format!(r#"{{"type":"connection_init","payload":{payload}}}"#);
            match read(&text) {
                Ok(ClientMessage::Init { authorization }) => assert_eq!(authorization.as_deref(), expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
            let text = text.replace("connection_init", "ping");
            match (read(&text), expected) {
                (Ok(ClientMessage::Renew { authorization }), Some(expected)) => assert_eq!(authorization, expected),
                (Ok(ClientMessage::Ping { payload: same }), None) => assert_eq!(same.unwrap().get(), payload),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_invalid_message_is_reported_with_the_reason() {
        for (text, reason) in [
            ("", "not a JSON object"),
            ("[]", "not a JSON object"),
            ("{", "not valid"),
            ("{}", "missing field `type`"),
            (r#"{"type":7}"#, "invalid type"),
            (r#"{"type":"start"}"#, "Invalid message 'type' property \"start\""),
            (r#"{"type":"ping","payload":1}"#, "to be an object"),
            (r#"{"type":"ping","payload":{"authorization":1}}"#, "must be a string"),
            (r#"{"type":"connection_init","payload":[]}"#, "to be an object"),
            (r#"{"type":"connection_init","payload":{"authorization":1}}"#, "must be a string"),
            (r#"{"type":"complete"}"#, "'id' property to be a string"),
            (r#"{"type":"complete","id":""}"#, "non-empty 'id'"),
            (r#"{"type":"subscribe","id":"1"}"#, "to be an object"),
            (r#"{"type":"subscribe","id":"1","payload":{}}"#, "`query` is missing"),
            (r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#, "`variables` must be"),
        ] {
            let invalid = read(text).map(|_| ()).unwrap_err();
            assert!(invalid.reason.contains(reason), "{text}: {}", invalid.reason);
        }
    }
}
