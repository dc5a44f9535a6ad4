//! What a stream over HTTP sends.

use async_graphql::{Response as GraphqlResponse, ServerError};

use super::wire::Payload;
use crate::domain::EventCursor;

/// What is sent.
pub(super) enum StreamPart<'a> {
    /// The beginning.
    Open,
    /// A sign of life, and where to resume when nothing said so yet.
    KeepAlive { position: Option<EventCursor> },
    /// A result, and where to resume after it.
    Result { payload: Payload<'a>, cursor: Option<EventCursor> },
    /// The operation cannot go on.
    Failed { errors: &'a [ServerError] },
    /// The operation is over.
    Complete,
    /// The server is stopping: the client is to ask another.
    Drained,
}

/// A response of errors alone.
pub(super) fn failure(errors: &[ServerError]) -> GraphqlResponse {
    GraphqlResponse::from_errors(errors.to_vec())
}
