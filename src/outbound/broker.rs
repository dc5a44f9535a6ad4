//! What all brokers have in common.

use async_trait::async_trait;

use crate::domain::Timestamp;

/// The content type of messages: a CloudEvent with its attributes, as JSON.
pub const CLOUD_EVENT: &str = "application/cloudevents+json";

/// A message for a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id of the event, which is the same when the message is repeated.
    pub id: String,
    /// What happened, such as `order.placed`.
    pub kind: String,
    /// The id of what the event is about. Messages with the same key stay in their order.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// A CloudEvent as JSON.
    pub body: Vec<u8>,
}

/// A broker that operators name. Its address is not restricted as those of webhooks are.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Connects, and makes sure that messages can be published. Takes some seconds at most; the error is for operators, and
    /// has no secret.
    async fn connect(&self) -> Result<Box<dyn Publisher>, String>;
}

/// A connection to a broker. Dropping it closes the connection.
#[async_trait]
pub trait Publisher: Send {
    /// Whether the connection is not known to be broken.
    fn is_open(&self) -> bool;

    /// Publishes messages in their order and waits until the broker has confirmed that it keeps them, for some seconds at
    /// most. After an error, or when this was dropped, the connection is of no use any more.
    async fn publish(&mut self, messages: &[Message]) -> Result<(), Unconfirmed>;
}

/// The broker has not confirmed each message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// How many were confirmed, from the first one on. It may have those after them, too.
    pub confirmed: usize,
    /// Why the next one was not. For operators, without secrets.
    pub reason: String,
}
