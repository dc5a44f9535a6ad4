//! Attempts that were made, and an attempt that somebody asks for.

use std::collections::HashMap;

use super::{
    super::{Result, Service, ServiceError, UserError, UserErrorCode, access, page::first_of},
    attempt::{About, Sender},
    manage::require_what_it_is_sent,
};
use crate::{
    domain::{Delivery, DeliveryId, Event, EventCursor, EventFilter, EventId, LogFilter, Scope, Viewer, WebhookId},
    outbound::Connection,
    storage::LogState,
};

/// How far before the end of the log an event is looked for to try a webhook with.
const LOOK_BACK: u32 = 200;

/// An attempt with its event.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryOfEvent {
    /// The event.
    pub event: Event,
    /// The attempt.
    pub delivery: Delivery,
}

impl Service {
    /// Staff: up to `first` attempts to deliver to a webhook before another attempt, the newest first, and whether there are
    /// more. Those of events that the log no longer holds are left out.
    pub async fn webhook_deliveries(
        &self,
        viewer: &Viewer,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        first: u32,
    ) -> Result<(Vec<DeliveryOfEvent>, bool)> {
        access::require_webhooks(viewer)?;
        let found = self.store.list_deliveries(webhook, before, first.saturating_add(1)).await?;
        let (found, has_more) = first_of(found, first);
        let mut ids: Vec<EventId> = found.iter().map(|delivery| delivery.event).collect();
        // Attempts of one event follow each other.
        ids.dedup();
        let events = self.entries_by_ids(&ids).await?.into_iter().flatten();
        let events: HashMap<EventId, Event> = events.map(|event| (event.id, event)).collect();
        let with_event =
            |delivery: Delivery| events.get(&delivery.event).cloned().map(|event| DeliveryOfEvent { event, delivery });
        Ok((found.into_iter().filter_map(with_event).collect(), has_more))
    }

    /// Admin: sends a webhook the newest event that it asks for, or else the newest of all, marked as a test. Its position
    /// stays.
    pub async fn test_webhook(&self, viewer: &Viewer, id: WebhookId) -> Result<DeliveryOfEvent> {
        access::require(viewer, Scope::ManageWebhooks)?;
        let webhook = self.webhook_to_change(id).await?;
        require_what_it_is_sent(viewer, &webhook.definition)?;
        self.store.catch_up_log().await?;
        let LogState { log, head, horizon } = self.store.log_state().await?;
        let after = head.saturating_sub(LOOK_BACK.into()).max(horizon);
        let events = self.store.read_log(after, LogFilter::ALL, LOOK_BACK).await?.events;
        let wanted = EventFilter { types: Some(webhook.definition.kinds.clone()), entity: None };
        let newest = |filter: &EventFilter| events.iter().rfind(|event| filter.matches(event)).cloned();
        let event = newest(&wanted).or_else(|| newest(&EventFilter::default())).ok_or_else(|| {
            UserError::at(UserErrorCode::NotFound, ["id"], "there is no event yet to try the webhook with")
        })?;
        let options = &self.options.webhooks;
        let sender = Sender::new(&webhook, options.client.clone(), options.keys.as_ref());
        let sender = sender.map_err(|fault| UserError::at(UserErrorCode::InvalidInput, ["id"], fault))?;
        let about = About { cursor: EventCursor::after(log, event.seq), previous: None, attempt: 1, is_test: true };
        let document = self.payload_document(&webhook.definition);
        let document = document.map_err(|fault| UserError::at(UserErrorCode::InvalidInput, ["id"], fault))?;
        let data = match document {
            Some(document) => Some(document.render(event.id).await),
            None => None,
        };
        let delivery = sender.send(&mut Connection::default(), (&event, data), about, &*self.clock).await;
        self.store.insert_deliveries(std::slice::from_ref(&delivery)).await.map_err(ServiceError::from)?;
        Ok(DeliveryOfEvent { event, delivery })
    }
}
