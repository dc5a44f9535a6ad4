//! The bus of a single process.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::{BusMessage, BusReceiver, EventBus};
use crate::domain::Event;

/// Messages a receiver may be behind before it is told of a gap instead.
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
    /// An open bus.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands a message to every receiver.
    pub(super) fn deliver(&self, message: BusMessage) {
        self.deliver_all([message]);
    }

    fn deliver_all(&self, messages: impl IntoIterator<Item = BusMessage>) {
        if let Some(sender) = &*self.lock() {
            for message in messages {
                // Without a receiver there is nobody to tell.
                let _ = sender.send(message);
            }
        }
    }

    pub(super) fn end(&self) {
        self.lock().take();
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, Option<broadcast::Sender<BusMessage>>> {
        self.sender.lock()
    }
}

#[async_trait]
impl EventBus for LocalBus {
    fn publish(&self, events: &[Arc<Event>]) {
        self.deliver_all(events.iter().map(|event| BusMessage::Event(Arc::clone(event))));
    }

    fn subscribe(&self) -> BusReceiver {
        match &*self.lock() {
            Some(sender) => BusReceiver(sender.subscribe()),
            None => BusReceiver(broadcast::channel(1).1),
        }
    }

    async fn close(&self) {
        self.end();
    }
}
