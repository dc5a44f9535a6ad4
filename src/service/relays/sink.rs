//! The sink of a relay.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    super::{
        Service,
        consumers::{Batch, Failure, Sink},
        feed::EventFeed,
    },
    Relays,
    message::message,
};
use crate::{
    domain::{Consumer, EventFilter},
    outbound::{Broker, Message, Publisher},
};

/// Bytes of messages after which no more are published before the broker has confirmed them. Kafka takes a mebibyte by default.
const UNCONFIRMED_BYTES: usize = 512 * 1024;
/// The longest time until a relay is tried again: it is one connection to a broker of the operator's own.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Publishes entries to a broker: as many as there are, then waits for their confirmations.
struct RelaySink {
    feed: Arc<EventFeed>,
    broker: Arc<dyn Broker>,
    filter: EventFilter,
    publisher: Mutex<Option<Box<dyn Publisher>>>,
}

impl Service {
    /// Opens the sink of a relay of this process; `None` if the consumer is none.
    pub fn open_relay(&self, relays: &Relays, consumer: &Consumer) -> Option<Arc<dyn Sink>> {
        let broker = relays.broker(consumer.name.parse().ok()?)?.clone();
        let (feed, filter) = (self.feed.clone(), EventFilter::default());
        Some(Arc::new(RelaySink { feed, broker, filter, publisher: Mutex::default() }))
    }
}

#[async_trait]
impl Sink for RelaySink {
    fn filter(&self) -> &EventFilter {
        &self.filter
    }

    async fn prepare(&self, failures: u32) -> Result<(), Failure> {
        let publisher = self.connected().await.map_err(|fault| failure(failures, fault))?;
        *self.publisher.lock().await = Some(publisher);
        Ok(())
    }

    async fn deliver(&self, batch: &mut Batch) -> Result<(), Failure> {
        let mut publisher = self.connected().await.map_err(|fault| failure(batch.failures(), fault))?;
        loop {
            let messages = self.messages(batch).map_err(|fault| failure(batch.failures(), fault))?;
            if messages.is_empty() {
                *self.publisher.lock().await = Some(publisher);
                return Ok(());
            }
            let published = publisher.publish(&messages).await;
            let confirmed = published.as_ref().map_or_else(|fault| fault.confirmed, |()| messages.len());
            for _ in 0..confirmed {
                batch.take();
            }
            published.map_err(|fault| failure(batch.failures(), fault.reason))?;
        }
    }
}

impl RelaySink {
    /// The connection, which is made if there is none. It is taken out of the sink, so that one with messages that were not
    /// confirmed is closed.
    async fn connected(&self) -> Result<Box<dyn Publisher>, String> {
        match self.publisher.lock().await.take().filter(|publisher| publisher.is_open()) {
            Some(publisher) => Ok(publisher),
            None => self.broker.connect().await,
        }
    }

    /// The messages of the next entries, with which the bytes end that may be unconfirmed.
    fn messages(&self, batch: &Batch) -> Result<Vec<Message>, String> {
        let log = self.feed.log_id();
        let (mut previous, mut bytes, mut messages) = (batch.previous(), 0, Vec::new());
        for event in batch.rest() {
            let message = message(event, log, previous).ok_or("the event is not for brokers")?;
            bytes += message.body.len();
            messages.push(message);
            previous = Some(event.id);
            if bytes >= UNCONFIRMED_BYTES {
                break;
            }
        }
        Ok(messages)
    }
}

/// A failure after this many others in a row.
fn failure(failures: u32, message: impl Into<String>) -> Failure {
    let Failure { message, retry_in } = Failure::after(failures, message);
    Failure { message, retry_in: retry_in.min(LONGEST_WAIT) }
}
