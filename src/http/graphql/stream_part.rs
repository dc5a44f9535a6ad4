//! The parts that a stream over HTTP consists of, independent of the framing.

use async_graphql::{Response as GraphqlResponse, ServerError};

use super::wire::Payload;
use crate::domain::EventCursor;

/// One part of a stream.
pub(super) enum StreamPart<'a> {
    /// The start of the stream.
    Open,
    /// A keep-alive message, with the cursor to resume after if the client doesn't know it.
    KeepAlive { position: Option<EventCursor> },
    /// A result, with the cursor to resume after it.
    Result { payload: Payload<'a>, cursor: Option<EventCursor> },
    /// The operation failed; the stream ends.
    Failed { errors: &'a [ServerError] },
    /// The operation is complete; the stream ends.
    Complete,
    /// The server is stopping; the client should connect to another one.
    Drained,
}

/// A GraphQL response that has only errors.
pub(super) fn failure(errors: &[ServerError]) -> GraphqlResponse {
    GraphqlResponse::from_errors(errors.to_vec())
}
