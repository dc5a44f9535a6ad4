//! The answers to one operation, for the transports that send a stream of them.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_graphql::Response;
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};

use crate::{
    domain::{EventCursor, Viewer},
    graphql::{BoxResultStream, Endpoint, ExecutionResult, PreparedOperation, results},
};

/// The results of an operation as a stream, which opens when it is polled.
pub(in crate::http) enum Answers {
    /// The operation is being opened.
    Opening(BoxFuture<'static, BoxResultStream>),
    /// The operation runs.
    Open(BoxResultStream),
}

impl Answers {
    /// The results of `operation`, or the response that refuses it.
    pub(in crate::http) fn open(
        endpoint: Arc<dyn Endpoint>,
        viewer: Viewer,
        operation: Result<PreparedOperation, Response>,
    ) -> Self {
        match operation {
            Ok(operation) => Self::Opening(async move { endpoint.stream(viewer, operation).await }.boxed()),
            Err(refusal) => Self::Open(results(stream::iter([refusal.into()]))),
        }
    }

    /// The cursor to resume a subscription after, for a client that has all answers so far; see
    /// [`ResultStream::position`](crate::graphql::ResultStream::position).
    pub(in crate::http) fn position(&mut self) -> Option<EventCursor> {
        match self {
            Self::Opening(_) => None,
            Self::Open(results) => results.position(),
        }
    }
}

impl Stream for Answers {
    type Item = ExecutionResult;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ExecutionResult>> {
        loop {
            match &mut *self {
                Self::Opening(opening) => {
                    let results = ready!(opening.poll_unpin(cx));
                    *self = Self::Open(results);
                }
                Self::Open(results) => return results.poll_next_unpin(cx),
            }
        }
    }
}
