//! The event bus of a single process.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::{
    BusReceiver, EventBus,
    events::{QueueBytes, Queued},
};
use crate::domain::Event;

/// Messages buffered for each receiver. One that falls further behind gets a gap instead.
const CAPACITY: usize = 1024;
/// Estimated bytes of all buffered events. One that does not fit is a gap for all receivers.
const CAPACITY_BYTES: usize = 32 * 1024 * 1024;

/// An [`EventBus`] within the process.
#[derive(Debug)]
pub struct LocalBus {
    /// `None` once closed.
    sender: Mutex<Option<broadcast::Sender<Queued>>>,
    bytes: QueueBytes,
}

impl Default for LocalBus {
    fn default() -> Self {
        let sender = Mutex::new(Some(broadcast::Sender::new(CAPACITY)));
        Self { sender, bytes: QueueBytes::new(CAPACITY_BYTES) }
    }
}

impl LocalBus {
    /// An open bus without receivers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells every receiver that entries may be missing.
    pub(in crate::cluster) fn deliver_gap(&self) {
        self.deliver([Queued::gap()]);
    }

    fn deliver(&self, messages: impl IntoIterator<Item = Queued>) {
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
        self.deliver(events.iter().map(|event| self.bytes.queued(event).unwrap_or_else(Queued::gap)));
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
