//! The messages of both subprotocols.

use std::{borrow::Cow, sync::Arc};

use async_graphql::ServerError;
use serde_json::value::RawValue;

use crate::{
    domain::{EventCursor, Timestamp},
    graphql::OperationRequest,
    http::graphql::wire::Payload,
};

/// A message of the client.
#[derive(Debug)]
pub(in crate::http::websocket) enum ClientMessage {
    /// Opens the connection, with the value of `authorization` in the payload.
    Init { authorization: Option<String> },
    /// A new token for the open connection, as the value of `authorization`.
    Renew { authorization: String },
    /// Asks for a pong with the same payload.
    Ping { payload: Option<Box<RawValue>> },
    /// The reply to a ping; ignored.
    Pong,
    /// Starts an operation.
    Subscribe { id: String, request: Box<OperationRequest> },
    /// Stops an operation.
    Complete { id: String },
    /// Asks the server to close the connection.
    Terminate,
}

/// Why a message is invalid.
#[derive(Debug)]
pub(in crate::http::websocket) struct InvalidMessage {
    /// Message for the client.
    pub(in crate::http::websocket) reason: Cow<'static, str>,
    /// Id of the operation that the message is about, if it has one.
    pub(in crate::http::websocket) id: Option<String>,
}

impl<T: Into<Cow<'static, str>>> From<T> for InvalidMessage {
    fn from(reason: T) -> Self {
        Self { reason: reason.into(), id: None }
    }
}

/// How far a subscription is without having sent an update.
#[derive(Debug)]
pub(in crate::http::websocket) struct OperationPosition {
    /// Id of the operation.
    pub(in crate::http::websocket) id: Arc<str>,
    /// The cursor to resume after.
    pub(in crate::http::websocket) cursor: EventCursor,
}

/// A message of the server.
#[derive(Debug)]
pub(in crate::http::websocket) enum ServerMessage<'a> {
    /// The connection is open.
    Ack,
    /// Refuses the connection, or a message that belongs to no operation.
    Refused { reason: &'a str },
    /// The reply to a ping.
    Pong { payload: Option<Box<RawValue>> },
    /// A new token was accepted.
    Renewed { expires_at: Option<Timestamp> },
    /// Shows that the server is alive, and tells how far operations are.
    KeepAlive { positions: &'a [OperationPosition] },
    /// A result; more may follow.
    Next { id: &'a str, payload: Payload<'a> },
    /// An operation failed and has ended.
    Error { id: &'a str, errors: &'a [ServerError] },
    /// An operation has ended.
    Complete { id: &'a str },
}
