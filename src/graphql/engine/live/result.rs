//! Results of operations that run as a stream.

use std::sync::Arc;

use async_graphql::Response;
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
