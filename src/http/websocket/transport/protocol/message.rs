//! The messages of both subprotocols.

use std::borrow::Cow;

use async_graphql::ServerError;
use serde_json::value::RawValue;

use crate::{domain::Timestamp, graphql::OperationRequest, http::graphql::wire::Payload};

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
