//! The sink of a webhook.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    super::{
        Service,
        consumers::{Batch, Failure, Sink},
        feed::EventFeed,
    },
    attempt::{About, Sender},
    document::PayloadDocument,
};
use crate::{
    domain::{Clock, Consumer, Delivery, EventCursor, EventFilter, Timestamp, Webhook},
    outbound::Connection,
    storage::Store,
};

/// Sends entries to a webhook, one after the other over one connection.
struct WebhookSink {
    store: Arc<dyn Store>,
    feed: Arc<EventFeed>,
    clock: Arc<dyn Clock>,
    sender: Sender,
    document: Option<PayloadDocument>,
    filter: EventFilter,
    connection: Mutex<Connection>,
    /// Attempts that are not recorded yet.
    attempts: parking_lot::Mutex<Vec<Delivery>>,
}

impl Service {
    /// Opens the sink of a consumer, or says why that is not possible.
    pub fn open_sink(&self, consumer: &Consumer) -> Result<Arc<dyn Sink>, String> {
        let webhook = Webhook::try_from(consumer.clone()).map_err(|error| error.to_string())?;
        let options = &self.options.webhooks;
        let sender = Sender::new(&webhook, options.client.clone(), options.keys.as_ref())?;
        Ok(Arc::new(WebhookSink {
            store: self.store.clone(),
            feed: self.feed.clone(),
            clock: self.clock.clone(),
            sender,
            document: self.payload_document(&webhook.definition)?,
            filter: EventFilter { types: Some(webhook.definition.kinds), entity: None },
            connection: Mutex::default(),
            attempts: parking_lot::Mutex::default(),
        }))
    }
}

#[async_trait]
impl Sink for WebhookSink {
    fn filter(&self) -> &EventFilter {
        &self.filter
    }

    async fn deliver(&self, batch: &mut Batch) -> Result<(), Failure> {
        let mut connection = self.connection.lock().await;
        while let Some(event) = batch.next() {
            let about = About {
                cursor: EventCursor::after(self.feed.log_id(), event.seq),
                previous: batch.previous(),
                attempt: batch.failures().saturating_add(1),
                is_test: false,
            };
            let data = match &self.document {
                Some(document) => Some(document.render(event.id).await),
                None => None,
            };
            let mut delivery = self.sender.send(&mut connection, (&event, data), about, &*self.clock).await;
            let failure = delivery.error.clone().map(|error| Failure::after(batch.failures(), error));
            if let Some(failure) = &failure {
                let millis = i64::try_from(failure.retry_in.as_millis()).unwrap_or(i64::MAX);
                let now = self.clock.now().unix_millis();
                delivery.next_attempt_at = Some(Timestamp::from_unix_millis(now.saturating_add(millis)));
            }
            self.attempts.lock().push(delivery);
            match failure {
                Some(failure) => return Err(failure),
                None => batch.take(),
            }
        }
        Ok(())
    }
    async fn record(&self) {
        let attempts = std::mem::take(&mut *self.attempts.lock());
        if let Err(error) = self.store.insert_deliveries(&attempts).await {
            tracing::warn!(%error, "attempts to deliver to a webhook are not recorded");
        }
    }
}
