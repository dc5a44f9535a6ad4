//! Pages of the event log.

use std::sync::Arc;

use async_graphql::{InputObject, Object};

use super::types::{Event, EventKind};
use crate::{
    domain::{self, AnyId, EventType, LogId, Seq},
    graphql::{
        engine::{
            document::directives::cost,
            error::{ApiError, ApiResult},
            json::{DirectJson, json_object},
        },
        schema::{connection::PageInfo, scalars::EventCursor},
    },
    service::EventPage,
};

/// Which events. All conditions have to hold.
#[derive(InputObject, Default)]
pub struct EventFilter {
    /// Only of one of these kinds.
    kinds: Option<Vec<EventKind>>,
    /// Only about the order, product, task or user with this id.
    entity_id: Option<async_graphql::ID>,
}

impl EventFilter {
    pub(super) fn into_domain(self) -> ApiResult<domain::EventFilter> {
        let entity = |id: async_graphql::ID| match id.parse() {
            Ok(AnyId::Order(id)) => Ok(id.ulid()),
            Ok(AnyId::Product(id)) => Ok(id.ulid()),
            Ok(AnyId::Task(id)) => Ok(id.ulid()),
            Ok(AnyId::User(id)) => Ok(id.ulid()),
            Ok(AnyId::ApiKey(_) | AnyId::Event(_) | AnyId::Webhook(_) | AnyId::Job(_)) | Err(_) => {
                Err(ApiError::bad_input("filter.entityId: not the id of an order, a product, a task or a user"))
            }
        };
        Ok(domain::EventFilter {
            types: self.kinds.map(|kinds| kinds.into_iter().map(EventType::from).collect()),
            entity: self.entity_id.map(entity).transpose()?,
        })
    }
}

/// A page of the event log.
pub struct EventConnection {
    log: LogId,
    events: Vec<Event>,
    through: Seq,
    has_more: bool,
    from_start: bool,
}

impl EventConnection {
    /// The page; `from_start` says that it begins at the start of the log.
    pub(super) fn new(page: EventPage, from_start: bool) -> Self {
        let EventPage { log, events, through, has_more } = page;
        let events = events.into_iter().filter_map(|event| Event::new(log, Arc::new(event))).collect();
        Self { log, events, through, has_more, from_start }
    }
}

json_object! {
    /// A page of the event log, oldest first.
    #[Object]
    EventConnection as page {
        /// The events with their cursors.
        edges: DirectJson<Vec<EventEdge>> = DirectJson(page.events.iter().cloned().map(EventEdge).collect());
        /// The events alone.
        nodes: DirectJson<Vec<Event>> = DirectJson(page.events.clone());
        /// Where this page stands in the log. endCursor is never null: it stands after all that was looked at for this page,
        /// matching or not, so that the next page goes on there.
        page_info: DirectJson<PageInfo> = DirectJson(PageInfo {
            has_next: page.has_more,
            has_previous: !page.from_start,
            start: page.events.first().map(|first| first.position().to_string()),
            end: Some(domain::EventCursor::after(page.log, page.through).to_string()),
        });
    }
}

/// An event with its cursor.
pub struct EventEdge(Event);

json_object! {
    /// An event with its cursor.
    #[Object(directive = cost::apply("0".into()))]
    EventEdge as edge {
        /// The event's place in the log, for `after`.
        cursor: EventCursor = EventCursor(edge.0.position());
        /// The event.
        node: DirectJson<Event> = DirectJson(edge.0.clone());
    }
}
