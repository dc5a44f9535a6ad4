//! Attempts to deliver events to webhooks.

use std::sync::Arc;

use async_graphql::{ID, Object};

use crate::{
    domain::{self, LogId},
    graphql::{
        engine::{
            document::directives::cost,
            json::{DirectJson, json_object},
        },
        schema::{connection::PageInfo, event::Event, id_page::page, scalars::DateTime},
    },
    service::DeliveryOfEvent,
};

/// An attempt to deliver an event to a webhook.
#[derive(Clone)]
pub struct WebhookDelivery {
    event: Event,
    delivery: Arc<domain::Delivery>,
}

impl WebhookDelivery {
    pub(super) fn new(log: LogId, found: DeliveryOfEvent) -> Option<Self> {
        let DeliveryOfEvent { event, delivery } = found;
        Some(Self { event: Event::new(log, Arc::new(event))?, delivery: Arc::new(delivery) })
    }

    pub(super) fn cursor_text(&self) -> String {
        self.delivery.id.to_string()
    }
}

json_object! {
    /// An attempt to deliver an event to a webhook.
    #[Object]
    WebhookDelivery as attempt {
        /// Globally unique id.
        id: ID = ID(attempt.delivery.id.to_string());

        /// The event.
        event: DirectJson<Event> = DirectJson(attempt.event.clone());

        /// 1 for the first attempt of the event.
        attempt: i32 = i32::try_from(attempt.delivery.attempt).unwrap_or(i32::MAX);

        /// HTTP status of the answer; null without one.
        status: Option<i32> = attempt.delivery.status.map(i32::from);

        /// How long it took, in milliseconds.
        duration_ms: i32 = i32::try_from(attempt.delivery.duration_ms).unwrap_or(i32::MAX);

        /// Why it failed; null for one that was taken.
        error: Option<&str> = attempt.delivery.error.as_deref();

        /// When it began.
        at: DateTime = DateTime(attempt.delivery.at);

        /// When the next attempt was to be made; null for one that was taken.
        next_attempt_at: Option<DateTime> = attempt.delivery.next_attempt_at.map(DateTime);
    }
}

page!(WebhookDelivery, WebhookDeliveryConnection, WebhookDeliveryEdge);
