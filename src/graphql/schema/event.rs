//! Where the event log stands.

use async_graphql::{Context, Object};

use super::{request_context::RequestContext, scalars::EventCursor};
use crate::graphql::engine::error::ApiResult;

/// Queries of the event log.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// Where the event log stands. All else that the operation reads is at least as new, so a subscription `after` it
    /// misses nothing that happened since, and may begin with updates that were read already.
    async fn event_cursor(&self, context: &Context<'_>) -> ApiResult<EventCursor> {
        let request = RequestContext::get(context);
        Ok(EventCursor(request.service.event_cursor(&request.viewer(), request.head)?))
    }
}
