//! Where the event log stands.

use async_graphql::{Context, Object};

use super::{error::ApiResult, loaders::Call, scalars::EventCursor};

/// Queries of the event log.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// Where the event log stands. All else that the operation reads is at least as new, so a subscription `after` it
    /// misses nothing that happened since, and may begin with updates that were read already.
    async fn event_cursor(&self, context: &Context<'_>) -> ApiResult<EventCursor> {
        let call = Call::of(context);
        Ok(EventCursor(call.service.event_cursor(&call.viewer(), call.head)?))
    }
}
