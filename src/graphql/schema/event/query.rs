//! Reading the event log, and where it stands.

use async_graphql::{Context, ID, Object};

use super::{
    list::{EventConnection, EventFilter},
    types::{Event, load},
};
use crate::{
    domain::EventId,
    graphql::{
        engine::{document::directives::list_size, error::ApiResult, json::DirectJson, page_size::DEFAULT_PAGE_SIZE},
        schema::{connection::size, error::argument_id, request_context::RequestContext, scalars::EventCursor},
    },
};

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

    /// Staff: the event with this id; null when it does not exist, or is no longer held.
    async fn event(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The event's id.")] id: ID,
    ) -> ApiResult<Option<DirectJson<Event>>> {
        let id: EventId = argument_id("id", &id)?;
        Ok(load(RequestContext::get(context), id).await?.map(DirectJson))
    }

    /// Staff: the event log, oldest first. Without `after` it begins with the oldest event that is held; events are held for
    /// some days, and a cursor from before gives CURSOR_EXPIRED. With a filter, a page may have fewer events than asked for,
    /// or none, although there are more: go on after pageInfo.endCursor while hasNextPage is true, and later to get what is
    /// new.
    #[graphql(directive = list_size::apply(
        i32::try_from(DEFAULT_PAGE_SIZE).ok(),
        Some(vec!["first".into()]),
        Some(vec!["edges".into(), "nodes".into()]),
        Some(false)
    ))]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many; 20 when not given, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only events after this cursor, of an event, a page, an update or eventCursor.")]
        after: Option<EventCursor>,
        #[graphql(desc = "Which events.")] filter: Option<EventFilter>,
    ) -> ApiResult<DirectJson<EventConnection>> {
        let first = first.map_or(Ok(DEFAULT_PAGE_SIZE), |first| size("first", first))?;
        let filter = filter.unwrap_or_default().into_domain()?;
        let request = RequestContext::get(context);
        let page = request.service.events(&request.viewer(), &filter, after.map(|cursor| cursor.0), first).await?;
        Ok(DirectJson(EventConnection::new(page, after.is_none())))
    }
}
