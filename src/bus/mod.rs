//! The event bus: how a node hears of what other nodes, and itself, have just committed.
//!
//! The bus is only the fast path. It may lose, repeat and reorder; the event log is the truth, and
//! `crate::service::feed` puts the two together. So publishing never fails and never delays a mutation.
//!
//! Nodes also share the documents that clients register, see [`OperationStore`], and what clients have left of their rate
//! limits, see [`Buckets`].

mod backoff;
mod buckets;
pub mod local;
mod operations;
pub mod redis;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::domain::Event;

pub use backoff::Backoff;
pub use buckets::{Buckets, Exhausted, Level, MemoryBuckets};
pub use operations::{MemoryOperations, OperationStore};

/// What a bus hands on.
#[derive(Debug, Clone)]
pub enum BusMessage {
    /// An entry that was committed on some node.
    Event(Arc<Event>),
    /// Entries may have been missed here: look into the log.
    Gap,
}

/// Carries committed events to every node of a deployment.
#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Hands over committed events: best effort, at once, and never an error. Nothing happens once the bus is closed.
    fn publish(&self, events: &[Arc<Event>]);

    /// Everything that any node publishes from now on, this one included.
    fn subscribe(&self) -> BusReceiver;

    /// Whether the other nodes hear of events at once.
    fn is_connected(&self) -> bool {
        true
    }

    /// Sends what is waiting to be sent, for a second at most, and ends all receivers.
    async fn close(&self);
}

/// The receiving end of a bus: a bounded buffer whose overflow is a [`BusMessage::Gap`].
#[derive(Debug)]
pub struct BusReceiver(broadcast::Receiver<BusMessage>);

impl BusReceiver {
    /// The next message; `None` once the bus is closed and everything was received.
    /// Cancelling the wait loses nothing.
    pub async fn recv(&mut self) -> Option<BusMessage> {
        match self.0.recv().await {
            Ok(message) => Some(message),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(BusMessage::Gap),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next message if one is there already.
    pub fn try_recv(&mut self) -> Option<BusMessage> {
        match self.0.try_recv() {
            Ok(message) => Some(message),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(BusMessage::Gap),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => None,
        }
    }
}
