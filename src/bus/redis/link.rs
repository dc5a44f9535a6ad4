//! The two connections of a node to Redis and the tasks that keep them.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use redis::{
    AsyncConnectionConfig, Client, Msg, Pipeline, RedisError,
    aio::{MultiplexedConnection, PubSubSink, PubSubStream},
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    bus::{Backoff, BusMessage, local::LocalBus},
    domain::Event,
    telemetry::metrics::{BusMessageOutcome, metrics},
};

/// Events sent in one round trip at most.
const BATCH: usize = 256;
/// How long connecting, publishing a batch and a keep-alive may take before the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Keep-alives of the listening connection, which would not notice a server that vanished silently.
const PING_EVERY: Duration = Duration::from_secs(5);

const NODE_DIGITS: usize = 16;

/// Where the link stands.
#[derive(Debug, Default)]
pub(super) struct State {
    listening: bool,
    publishing: bool,
    /// What last went wrong.
    pub failure: Option<String>,
    /// The queue was closed and everything in it was sent.
    pub published_all: bool,
}

impl State {
    pub fn is_connected(&self) -> bool {
        self.listening && self.publishing
    }
}

pub(super) struct Link {
    pub client: Client,
    /// For the log.
    pub address: String,
    pub channel: String,
    /// This node's name in messages, [`NODE_DIGITS`] long.
    pub node: String,
    pub local: Arc<LocalBus>,
    pub state: watch::Sender<State>,
}

impl Link {
    /// Hands what the other nodes publish to this one, for ever.
    pub async fn listen(self: Arc<Self>) {
        let mut backoff = backoff();
        loop {
            let failure = match within(self.subscribe()).await {
                Ok((sink, messages)) => {
                    backoff.reset();
                    info!(address = self.address, "listening to Redis");
                    self.update(|state| (state.listening, state.failure) = (true, None));
                    self.local.deliver(BusMessage::Gap);
                    tokio::select! {
                        failure = keep_alive(sink) => failure,
                        () = self.receive(messages) => "the connection was closed".to_owned(),
                    }
                }
                Err(failure) => failure,
            };
            self.lost("listening", failure, |state| state.listening = false);
            sleep(backoff.delay()).await;
        }
    }

    async fn subscribe(&self) -> Result<(PubSubSink, PubSubStream), RedisError> {
        let mut connection = self.client.get_async_pubsub().await?;
        connection.subscribe(&self.channel).await?;
        Ok(connection.split())
    }

    /// Never waits for anything but the next message: the driver's buffer has no bound.
    async fn receive(&self, mut messages: PubSubStream) {
        while let Some(message) = messages.next().await {
            if let Some(message) = self.read(&message) {
                self.local.deliver(message);
            }
        }
    }

    fn read(&self, message: &Msg) -> Option<BusMessage> {
        let decoded = match message.get_payload_bytes().split_at_checked(NODE_DIGITS) {
            Some((node, _)) if node == self.node.as_bytes() => return None,
            Some((_, event)) => serde_json::from_slice::<Event>(event).map_err(|error| error.to_string()),
            None => Err("it is too short".to_owned()),
        };
        let messages = &metrics().bus_messages;
        Some(match decoded {
            Ok(event) => {
                messages.get(BusMessageOutcome::Received).inc();
                BusMessage::Event(Arc::new(event))
            }
            Err(error) => {
                messages.get(BusMessageOutcome::Unreadable).inc();
                warn!(error, "a message on the bus is not readable; another version of Orderwire may have sent it");
                BusMessage::Gap
            }
        })
    }

    /// Publishes what is queued until the queue is closed and empty.
    pub async fn publish(self: Arc<Self>, mut queue: mpsc::Receiver<Arc<Event>>) {
        let mut backoff = backoff();
        let mut connection = self.connect(&mut backoff).await;
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let messages = self.encode(&batch);
            let events = batch.len() as u64;
            batch.clear();
            if self.send(&messages, events, &mut connection).await {
                backoff.reset();
                continue;
            }
            // An idle connection may have been closed: once more on a fresh one, then the log has to do.
            connection = self.connect(&mut backoff).await;
            if !self.send(&messages, events, &mut connection).await {
                metrics().bus_messages.get(BusMessageOutcome::Dropped).inc_by(events);
                sleep(backoff.delay()).await;
                connection = self.connect(&mut backoff).await;
            }
        }
        self.update(|state| state.published_all = true);
    }

    async fn send(&self, messages: &Pipeline, events: u64, connection: &mut MultiplexedConnection) -> bool {
        match within(messages.exec_async(connection)).await {
            Ok(()) => {
                metrics().bus_messages.get(BusMessageOutcome::Sent).inc_by(events);
                true
            }
            Err(failure) => {
                self.lost("publishing", failure, |state| state.publishing = false);
                false
            }
        }
    }

    async fn connect(&self, backoff: &mut Backoff) -> MultiplexedConnection {
        // `within` is the only clock; the driver's own would give up after half a second.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        loop {
            match within(self.client.get_multiplexed_async_connection_with_config(&config)).await {
                Ok(connection) => {
                    self.update(|state| state.publishing = true);
                    return connection;
                }
                Err(failure) => self.lost("publishing", failure, |state| state.publishing = false),
            }
            sleep(backoff.delay()).await;
        }
    }

    fn encode(&self, events: &[Arc<Event>]) -> Pipeline {
        let mut pipeline = redis::pipe();
        for event in events {
            let mut message = self.node.clone().into_bytes();
            match serde_json::to_writer(&mut message, event) {
                Ok(()) => _ = pipeline.publish(&self.channel, message).ignore(),
                Err(error) => warn!(seq = event.seq, %error, "an event can't be encoded"),
            }
        }
        pipeline
    }

    /// Warns of a failure the first time; it is tried again every few seconds.
    fn lost(&self, what: &str, failure: String, update: impl FnOnce(&mut State)) {
        if self.state.borrow().failure.as_ref() == Some(&failure) {
            debug!(address = self.address, failure, "{what} on Redis failed again");
        } else {
            warn!(address = self.address, failure, "{what} on Redis failed; trying again until it works");
        }
        self.update(|state| {
            update(state);
            state.failure = Some(failure);
        });
    }

    fn update(&self, update: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            update(state);
            metrics().bus_connected.set(state.is_connected().into());
        });
    }
}

/// Ends with what went wrong.
async fn keep_alive(mut connection: PubSubSink) -> String {
    loop {
        sleep(PING_EVERY).await;
        if let Err(failure) = within(connection.ping::<redis::Value>()).await {
            return failure;
        }
    }
}

async fn within<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, String> {
    match timeout(PATIENCE, work).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(3))
}
