//! The event bus of a single process.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::{BusMessage, BusReceiver, EventBus};
use crate::domain::Event;

/// Messages buffered for each receiver. One that falls further behind gets a gap instead.
const CAPACITY: usize = 1024;

/// An [`EventBus`] within the process.
#[derive(Debug)]
pub struct LocalBus {
    /// `None` once closed.
    sender: Mutex<Option<broadcast::Sender<BusMessage>>>,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(CAPACITY))) }
    }
}

impl LocalBus {
    /// An open bus without receivers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a message to every receiver.
    pub(in crate::cluster) fn deliver(&self, message: BusMessage) {
        self.deliver_all([message]);
    }

    fn deliver_all(&self, messages: impl IntoIterator<Item = BusMessage>) {
        if let Some(sender) = &*self.sender.lock() {
            for message in messages {
                // Sending fails only while there is no receiver.
                let _ = sender.send(message);
            }
        }
    }

    /// Ends all receivers once they have received what was sent.
    pub(in crate::cluster) fn end(&self) {
        self.sender.lock().take();
    }
}

#[async_trait]
impl EventBus for LocalBus {
    fn publish(&self, events: &[Arc<Event>]) {
        self.deliver_all(events.iter().map(|event| BusMessage::Event(Arc::clone(event))));
    }

    fn subscribe(&self) -> BusReceiver {
        match &*self.sender.lock() {
            Some(sender) => BusReceiver(sender.subscribe()),
            None => BusReceiver(broadcast::channel(1).1),
        }
    }

    async fn close(&self) {
        self.end();
    }
}
