//! The messages of `graphql-transport-ws`.

use std::borrow::Cow;

use async_graphql::{Request, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::http::{params, wire::GraphqlResult};

/// The longest operation id taken, in bytes: it is repeated in every message.
const MAX_ID: usize = 256;

/// What a client can say.
#[derive(Debug)]
pub(super) enum ClientMessage {
    /// The opening, with the value of `authorization` in its payload.
    Init { authorization: Option<String> },
    /// To be answered with a pong of the same payload.
    Ping { payload: Option<Box<RawValue>> },
    /// Nothing to do.
    Pong,
    /// Run an operation.
    Subscribe { id: String, request: Box<Request> },
    /// Stop an operation.
    Complete { id: String },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl ClientMessage {
    /// Reads a message.
    ///
    /// Fails with the reason the socket is closed with.
    pub(super) fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        if !text.trim_start().starts_with('{') {
            return Err("Message is not a JSON object".into());
        }
        let envelope: Envelope<'_> =
            serde_json::from_str(text).map_err(|error| format!("Message is not valid: {error}"))?;
        match &*envelope.kind {
            "connection_init" => Ok(Self::Init { authorization: envelope.authorization()? }),
            "ping" => Ok(Self::Ping { payload: envelope.object()?.map(ToOwned::to_owned) }),
            "pong" => envelope.object().map(|_| Self::Pong),
            "complete" => Ok(Self::Complete { id: envelope.id()? }),
            "subscribe" => {
                let id = envelope.id()?;
                let Some(payload) = envelope.object()? else {
                    return Err("\"subscribe\" message expects the 'payload' property to be an object".into());
                };
                let request = params::from_json(payload.get()).map_err(|params::Invalid(message)| message)?;
                Ok(Self::Subscribe { id, request: Box::new(request) })
            }
            kind => Err(format!("Invalid message 'type' property \"{kind}\"").into()),
        }
    }
}

impl<'a> Envelope<'a> {
    fn id(&self) -> Result<String, Cow<'static, str>> {
        let id: Option<String> = self.id.and_then(|raw| serde_json::from_str(raw.get()).ok());
        match id {
            Some(id) if id.is_empty() => {
                Err(format!("\"{}\" message requires a non-empty 'id' property", self.kind).into())
            }
            Some(id) if id.len() > MAX_ID => Err(format!("The 'id' property is longer than {MAX_ID} bytes").into()),
            Some(id) => Ok(id),
            None => {
                let kind = &self.kind;
                Err(format!("\"{kind}\" message expects the 'id' property to be a string").into())
            }
        }
    }

    fn object(&self) -> Result<Option<&'a RawValue>, Cow<'static, str>> {
        match self.payload {
            Some(raw) if !raw.get().starts_with('{') => {
                Err(format!("\"{}\" message expects the 'payload' property to be an object", self.kind).into())
            }
            payload => Ok(payload),
        }
    }

    /// The member `authorization`, in any case, of the payload or of the `headers` in it.
    fn authorization(&self) -> Result<Option<String>, Cow<'static, str>> {
        type Members<'a> = std::collections::BTreeMap<Cow<'a, str>, &'a RawValue>;
        fn member<'a>(object: &'a RawValue, name: &str) -> Result<Option<&'a RawValue>, Cow<'static, str>> {
            let members: Members<'a> = serde_json::from_str(object.get())
                .map_err(|error| format!("The connection's payload is not valid: {error}"))?;
            let found = members.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            Ok(found.map(|(_, value)| value).filter(|value| value.get() != "null"))
        }
        let Some(payload) = self.object()? else { return Ok(None) };
        let value = match member(payload, "authorization")? {
            Some(value) => Some(value),
            None => match member(payload, "headers")?.filter(|headers| headers.get().starts_with('{')) {
                Some(headers) => member(headers, "authorization")?,
                None => None,
            },
        };
        let string = |raw: &RawValue| {
            serde_json::from_str(raw.get()).map_err(|_| "'authorization' in the payload must be a string".into())
        };
        value.map(string).transpose()
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Box<RawValue>>,
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

/// A result of an operation.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Payload<'a> {
    Result(GraphqlResult<'a>),
    Written(&'a RawValue),
}

/// At most the 123 bytes that a close frame has room for.
pub(super) fn close_reason(text: &str) -> &str {
    let end = (0..=123.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_reasons_are_cut_between_characters() {
        assert_eq!(close_reason("short"), "short");
        let long = "é".repeat(100);
        assert_eq!(close_reason(&long).len(), 122);
    }

    #[test]
    fn reads_the_authorization_in_any_usual_place() {
        for (payload, expected) in [
            (r#"{}"#, None),
            (r#"{"authorization":"Bearer a"}"#, Some("Bearer a")),
            (r#"{"Authorization":"Bearer a","x":[1]}"#, Some("Bearer a")),
            (r#"{"headers":{"AUTHORIZATION":"Bearer a"}}"#, Some("Bearer a")),
            (r#"{"headers":7,"authorization":null}"#, None),
        ] {
            let text = format!(r#"{{"type":"connection_init","payload":{payload}}}"#);
            match ClientMessage::parse(&text) {
                Ok(ClientMessage::Init { authorization }) => assert_eq!(authorization.as_deref(), expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_message() {
        for (text, reason) in [
            ("", "not a JSON object"),
            ("[]", "not a JSON object"),
            ("{", "not valid"),
            ("{}", "missing field `type`"),
            (r#"{"type":7}"#, "invalid type"),
            (r#"{"type":"start"}"#, "Invalid message 'type' property \"start\""),
            (r#"{"type":"ping","payload":1}"#, "to be an object"),
            (r#"{"type":"connection_init","payload":[]}"#, "to be an object"),
            (r#"{"type":"connection_init","payload":{"authorization":1}}"#, "must be a string"),
            (r#"{"type":"complete"}"#, "'id' property to be a string"),
            (r#"{"type":"complete","id":""}"#, "non-empty 'id'"),
            (r#"{"type":"subscribe","id":"1"}"#, "to be an object"),
            (r#"{"type":"subscribe","id":"1","payload":{}}"#, "`query` is missing"),
            (r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#, "`variables` must be"),
        ] {
            let error = ClientMessage::parse(text).map(|_| ()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
