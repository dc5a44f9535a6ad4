//! What is said on a socket, whatever the subprotocol: each has a codec of its own, the rest is shared.

mod envelope;
mod legacy;
mod modern;

use std::borrow::Cow;

use async_graphql::ServerError;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    domain::Timestamp, graphql::OperationRequest, http::graphql::wire::Payload, telemetry::metrics::Transport,
};

/// The subprotocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::websocket) enum Protocol {
    /// `graphql-transport-ws`.
    Modern,
    /// `graphql-ws`, as subscriptions-transport-ws has it.
    Legacy,
}

/// What a client can say.
#[derive(Debug)]
pub(in crate::http::websocket) enum ClientMessage {
    /// The opening, with the value of `authorization` in its payload.
    Init { authorization: Option<String> },
    /// A fresh token for the open connection, as the value of `authorization`.
    Renew { authorization: String },
    /// To be answered with a pong of the same payload.
    Ping { payload: Option<Box<RawValue>> },
    /// Nothing to do.
    Pong,
    /// Run an operation.
    Subscribe { id: String, request: Box<OperationRequest> },
    /// Stop an operation.
    Complete { id: String },
    /// It is about to leave.
    Terminate,
}

/// What is wrong with a message.
#[derive(Debug)]
pub(in crate::http::websocket) struct InvalidMessage {
    /// For the client to read.
    pub(in crate::http::websocket) reason: Cow<'static, str>,
    /// The operation that it is about, if there is one.
    pub(in crate::http::websocket) id: Option<String>,
}

impl<T: Into<Cow<'static, str>>> From<T> for InvalidMessage {
    fn from(reason: T) -> Self {
        Self { reason: reason.into(), id: None }
    }
}

/// Room for everything in a message but its payload.
const ENVELOPE_BYTES: usize = 128;

/// What the server says.
#[derive(Debug)]
pub(in crate::http::websocket) enum ServerMessage<'a> {
    /// The connection is open.
    Ack,
    /// The connection is refused, or a message that belongs to no operation.
    Refused { reason: &'a str },
    /// The answer to a ping.
    Pong { payload: Option<Box<RawValue>> },
    /// A fresh token was taken.
    Renewed { expires_at: Option<Timestamp> },
    /// The server is there.
    KeepAlive,
    /// A result; more may follow.
    Next { id: &'a str, payload: Payload<'a> },
    /// An operation failed, and is over.
    Error { id: &'a str, errors: &'a [ServerError] },
    /// An operation is over.
    Complete { id: &'a str },
}

fn write_json(message: &impl Serialize, into: &mut Vec<u8>) -> serde_json::Result<()> {
    into.reserve(ENVELOPE_BYTES);
    serde_json::to_writer(into, message)
}

/// What serde makes of a result that is JSON already, faster: every delivery is one.
fn write_next(kind: &str, id: &str, payload: &RawValue, into: &mut Vec<u8>) -> serde_json::Result<()> {
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

impl Protocol {
    /// Both, the better one first: it wins when a client offers several.
    pub(in crate::http::websocket) const ALL: [Self; 2] = [Self::Modern, Self::Legacy];

    /// As the handshake names it.
    pub(in crate::http::websocket) const fn name(self) -> &'static str {
        match self {
            Self::Modern => "graphql-transport-ws",
            Self::Legacy => "graphql-ws",
        }
    }

    /// As metrics name it.
    pub(in crate::http::websocket) const fn transport(self) -> Transport {
        match self {
            Self::Modern => Transport::WebSocket,
            Self::Legacy => Transport::LegacyWebSocket,
        }
    }

    /// Reads a message.
    pub(in crate::http::websocket) fn read(self, text: &str) -> Result<ClientMessage, InvalidMessage> {
        match self {
            Self::Modern => modern::read(text),
            Self::Legacy => legacy::read(text),
        }
    }

    /// Appends a message; nothing when the protocol has none of this kind.
    pub(in crate::http::websocket) fn write(
        self,
        message: ServerMessage<'_>,
        into: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        match self {
            Self::Modern => modern::write(message, into),
            Self::Legacy => legacy::write(message, into),
        }
    }
}

/// Whether a message can be read. For tests that make up messages faster than a socket takes them.
#[doc(hidden)]
pub fn reads_websocket_message(protocol: &str, text: &str) -> bool {
    let protocol = Protocol::ALL.into_iter().find(|known| known.name() == protocol);
    protocol.is_some_and(|protocol| protocol.read(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_that_are_written_already_are_framed_like_others() {
        let data = async_graphql::Response::new(async_graphql::value!({ "a": [1, "b"] }));
        let written = serde_json::value::to_raw_value(&data).unwrap();
        for (protocol, id) in Protocol::ALL.into_iter().flat_map(|protocol| [(protocol, "1"), (protocol, "a\"\n")]) {
            let texts = [Payload::Result((&data).into()), Payload::Written(&written)].map(|payload| {
                let mut text = Vec::new();
                protocol.write(ServerMessage::Next { id, payload }, &mut text).unwrap();
                String::from_utf8(text).unwrap()
            });
            assert_eq!(texts[0], texts[1]);
        }
    }
}
