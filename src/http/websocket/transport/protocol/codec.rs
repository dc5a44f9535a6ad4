//! The choice between the subprotocols.

use super::{
    legacy,
    message::{ClientMessage, InvalidMessage, ServerMessage},
    modern,
};
use crate::telemetry::metrics::Transport;

/// A subprotocol of WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::websocket) enum Protocol {
    /// `graphql-transport-ws`.
    Modern,
    /// `graphql-ws`, as implemented by subscriptions-transport-ws.
    Legacy,
}

impl Protocol {
    /// All subprotocols, in order of preference when a client offers several.
    pub(in crate::http::websocket) const ALL: [Self; 2] = [Self::Modern, Self::Legacy];

    /// The name in the handshake.
    pub(in crate::http::websocket) const fn name(self) -> &'static str {
        match self {
            Self::Modern => "graphql-transport-ws",
            Self::Legacy => "graphql-ws",
        }
    }

    /// The transport in metrics.
    pub(in crate::http::websocket) const fn transport(self) -> Transport {
        match self {
            Self::Modern => Transport::WebSocket,
            Self::Legacy => Transport::LegacyWebSocket,
        }
    }

    /// Parses a message of the client.
    pub(in crate::http::websocket) fn read(self, text: &str) -> Result<ClientMessage, InvalidMessage> {
        match self {
            Self::Modern => modern::read(text),
            Self::Legacy => legacy::read(text),
        }
    }

    /// Appends a message; nothing if the protocol has no message of this kind. Fails when it has more than `limit` bytes.
    pub(in crate::http::websocket) fn write(
        self,
        message: ServerMessage<'_>,
        into: &mut Vec<u8>,
        limit: usize,
    ) -> serde_json::Result<()> {
        match self {
            Self::Modern => modern::write(message, into, limit),
            Self::Legacy => legacy::write(message, into, limit),
        }
    }
}

/// Whether a message can be parsed. For tests that generate messages faster than a socket takes them.
#[doc(hidden)]
pub fn reads_websocket_message(protocol: &str, text: &str) -> bool {
    let protocol = Protocol::ALL.into_iter().find(|known| known.name() == protocol);
    protocol.is_some_and(|protocol| protocol.read(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::graphql::wire::Payload;

    #[test]
    fn results_that_are_json_text_are_written_like_others() {
        let data = async_graphql::Response::new(async_graphql::value!({ "a": [1, "b"] }));
        let written = serde_json::value::to_raw_value(&data).unwrap();
        for (protocol, id) in Protocol::ALL.into_iter().flat_map(|protocol| [(protocol, "1"), (protocol, "a\"\n")]) {
            let texts = [Payload::Result((&data).into()), Payload::Json(&written)].map(|payload| {
                let mut text = Vec::new();
                protocol.write(ServerMessage::Next { id, payload }, &mut text, usize::MAX).unwrap();
                String::from_utf8(text).unwrap()
            });
            assert_eq!(texts[0], texts[1]);
        }
    }
}
