//! What nodes share: tests that every event bus must pass, tests of the Redis bus alone, rate limits, what is spent beyond
//! them, and registered documents.

mod behaviour;
mod documents;
mod rate_limits;
mod redis;
pub mod redis_server;
mod spend;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use orderwire::{
    cluster::{BusMessage, BusReceiver, EventBus, local::LocalBus, redis::RedisBus},
    domain::*,
};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A deployment whose nodes share a bus.
#[async_trait]
pub trait Deployment: Send + Sync + Sized {
    async fn start() -> Self;
    /// Connects another node of the deployment to the bus.
    async fn node(&self) -> Arc<dyn EventBus>;
}

pub struct InProcess(Arc<LocalBus>);

#[async_trait]
impl Deployment for InProcess {
    async fn start() -> Self {
        Self(Arc::new(LocalBus::new()))
    }

    async fn node(&self) -> Arc<dyn EventBus> {
        Arc::clone(&self.0) as _
    }
}

pub struct OverRedis(LogId);

#[async_trait]
impl Deployment for OverRedis {
    async fn start() -> Self {
        Self(LogId::new(rand::random()))
    }

    async fn node(&self) -> Arc<dyn EventBus> {
        Arc::new(RedisBus::connect(&redis_server::shared_url(), self.0, TIMEOUT).await.unwrap())
    }
}

/// An event about a task whose description is not plain ASCII.
pub fn event(seq: Seq) -> Arc<Event> {
    event_about(seq, "Quotes \" and line\nbreaks ☃")
}

/// An event about a task with this description.
pub fn event_about(seq: Seq, description: &str) -> Arc<Event> {
    let at = Timestamp::from_unix_millis(1_700_000_000_000 + seq);
    let task = Task {
        description: Some(description.to_owned()),
        priority: TaskPriority::Urgent,
        order: Some(OrderId::generate(at)),
        due_at: Some(at),
        version: 3,
        ..Task::new(TaskId::generate(at), format!("Pack № {seq}"), UserId::generate(at), at)
    };
    Arc::new(Event {
        seq,
        id: EventId::generate(at),
        kind: EventKind::Created,
        previous_status: None,
        entity: Entity::Task(Arc::new(task)),
        before: Before { assignee: Some(UserId::generate(at)), ..Before::default() },
        actor: Some(UserId::generate(at)),
        occurred_at: at,
    })
}

/// Receives the next message; panics after [`TIMEOUT`].
pub async fn message(receiver: &mut BusReceiver) -> Option<BusMessage> {
    tokio::time::timeout(TIMEOUT, receiver.recv()).await.expect("a message should come soon")
}

/// Receives the next event, skipping gaps.
pub async fn next(receiver: &mut BusReceiver) -> Arc<Event> {
    loop {
        match message(receiver).await {
            Some(BusMessage::Event(event)) => return event,
            Some(BusMessage::Gap) => {}
            None => panic!("the bus should be open"),
        }
    }
}

/// Skips events until the receiver reports a gap.
pub async fn gap(receiver: &mut BusReceiver) {
    while !matches!(message(receiver).await.expect("the bus should be open"), BusMessage::Gap) {}
}
