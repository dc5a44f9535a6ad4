//! The event bus: tells every node of a deployment what any node has just committed.
//!
//! The bus is only the fast path. It may lose, repeat and reorder events; the event log is the truth, and
//! `crate::service::feed` fills gaps from it. So publishing never fails and never delays a mutation.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use crate::domain::Event;

/// What a [`BusReceiver`] yields.
#[derive(Debug, Clone)]
pub enum BusMessage {
    /// A log entry that some node committed.
    Event(Arc<Event>),
    /// Entries may be missing here: read them from the log.
    Gap,
}

/// Carries committed events to every node of a deployment.
#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Publishes committed events: best effort, without waiting, never an error. Does nothing once the bus is closed.
    fn publish(&self, events: &[Arc<Event>]);

    /// Receives everything that any node publishes from now on, this node included.
    fn subscribe(&self) -> BusReceiver;

    /// Whether events reach the other nodes at the moment.
    fn is_connected(&self) -> bool {
        true
    }

    /// Sends what is queued, for at most a second, and ends all receivers.
    async fn close(&self);
}

/// A message in a queue. The bytes of its event are free again when every receiver has it.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub message: BusMessage,
    _bytes: Option<Arc<OwnedSemaphorePermit>>,
}

impl Queued {
    pub fn gap() -> Self {
        Self { message: BusMessage::Gap, _bytes: None }
    }
}

/// The estimated bytes that the events in a queue may take together.
#[derive(Debug)]
pub(super) struct QueueBytes(Arc<Semaphore>);

impl QueueBytes {
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Semaphore::new(limit)))
    }

    /// The event for the queue; `None` if it does not fit.
    pub fn queued(&self, event: &Arc<Event>) -> Option<Queued> {
        let bytes = u32::try_from(event.memory()).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(bytes).ok()?;
        Some(Queued { message: BusMessage::Event(Arc::clone(event)), _bytes: Some(Arc::new(permit)) })
    }
}

/// The receiving end of a bus: a buffer bounded in number and bytes, whose overflow is a [`BusMessage::Gap`].
#[derive(Debug)]
pub struct BusReceiver(pub(super) broadcast::Receiver<Queued>);

impl BusReceiver {
    /// Waits for the next message; `None` once the bus is closed and everything was received. Cancel safe.
    pub async fn recv(&mut self) -> Option<BusMessage> {
        match self.0.recv().await {
            Ok(queued) => Some(queued.message),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(BusMessage::Gap),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next message if it has already arrived.
    pub fn try_recv(&mut self) -> Option<BusMessage> {
        match self.0.try_recv() {
            Ok(queued) => Some(queued.message),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(BusMessage::Gap),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => None,
        }
    }
}
