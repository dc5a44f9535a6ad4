//! Results of operations that run as a stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::Response;
use futures_util::{Stream, StreamExt};
use serde_json::value::RawValue;

use crate::domain::EventCursor;

/// One result of an operation: the only one of a query or mutation, one for each update of a subscription.
#[derive(Debug)]
pub struct ExecutionResult {
    /// Data and errors.
    pub body: ResultBody,
    /// Where to resume after this update; `None` when it is not an event of the log.
    pub cursor: Option<EventCursor>,
}

/// The results of an operation, in order.
pub trait ResultStream: Stream<Item = ExecutionResult> + Send {
    /// Resume after this to get what comes after the results so far, and nothing twice. It moves although there are no
    /// results. `None` while it is not known, and for what is not a subscription.
    fn position(&mut self) -> Option<EventCursor>;
}

/// The results of an operation of any kind.
pub type BoxResultStream = Box<dyn ResultStream + Unpin>;

/// Results that can't be resumed.
pub fn results(stream: impl Stream<Item = ExecutionResult> + Send + Unpin + 'static) -> BoxResultStream {
    Box::new(Results(stream))
}

struct Results<S>(S);

impl<S: Stream<Item = ExecutionResult> + Unpin> Stream for Results<S> {
    type Item = ExecutionResult;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ExecutionResult>> {
        self.0.poll_next_unpin(cx)
    }
}

impl<S: Stream<Item = ExecutionResult> + Send + Unpin> ResultStream for Results<S> {
    fn position(&mut self) -> Option<EventCursor> {
        None
    }
}

/// Data and errors of a result.
#[derive(Debug)]
pub enum ResultBody {
    /// A response with all its parts.
    Response(Box<Response>),
    /// A response without errors as JSON, shared by all subscribers that get the same.
    Json(Arc<RawValue>),
}

impl From<Response> for ExecutionResult {
    fn from(response: Response) -> Self {
        Self { body: ResultBody::Response(Box::new(response)), cursor: None }
    }
}
