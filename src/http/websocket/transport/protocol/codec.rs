//! The choice between the subprotocols.

use super::{
    legacy,
    message::{ClientMessage, InvalidMessage, ServerMessage},
    modern,
};
use crate::telemetry::metrics::Transport;

/// The subprotocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::websocket) enum Protocol {
    /// `graphql-transport-ws`.
    Modern,
    /// `graphql-ws`, as subscriptions-transport-ws has it.
    Legacy,
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
    use crate::http::graphql::wire::Payload;

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
