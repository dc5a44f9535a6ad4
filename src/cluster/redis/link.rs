//! The two connections of a node to the event channel, and the tasks that keep them alive.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, Msg, Pipeline, RedisError, ServerErrorKind,
    aio::{MultiplexedConnection, PubSubSink, PubSubStream},
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    cluster::{Backoff, BusMessage, EventBus, events::Queued, local::LocalBus},
    domain::Event,
    telemetry::metrics::{BusMessageOutcome, metrics},
};

/// The most events sent in one round trip.
const BATCH: usize = 256;
/// How long connecting, publishing a batch or a ping may take. Then the connection counts as lost.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often the listening connection is pinged; without that, a server that vanished silently goes unnoticed.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Length of a node's name in messages.
const NODE_DIGITS: usize = 16;

/// The state of both connections.
#[derive(Debug, Default)]
pub(super) struct LinkState {
    listening: bool,
    publishing: bool,
    /// The last error; `None` while listening.
    pub failure: Option<Failure>,
    /// The queue was closed and everything in it was sent.
    pub published_all: bool,
}

impl LinkState {
    pub fn is_connected(&self) -> bool {
        self.listening && self.publishing
    }

    /// What the server says if it does not accept this client.
    pub fn refusal(&self) -> Option<&str> {
        self.failure.as_ref().filter(|failure| failure.refused).map(|failure| &*failure.reason)
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub reason: String,
    /// The server answered and does not accept this client, so that waiting does not help.
    pub refused: bool,
}

impl Failure {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), refused: false }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let refused = match error.kind() {
            ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::Parse => true,
            ErrorKind::Server(ServerErrorKind::NoPerm) => true,
            // Also the answer to one client too many, who may come back.
            ErrorKind::Server(ServerErrorKind::ResponseError) => {
                !error.detail().is_some_and(|detail| detail.contains("max number of clients"))
            }
            _ => matches!(error.code(), Some("NOAUTH" | "WRONGPASS")),
        };
        Self { reason: error.to_string(), refused }
    }
}

pub(super) struct Link {
    pub client: Client,
    /// Host and port, for the log.
    pub address: String,
    pub channel: String,
    /// The random name of this node in messages, [`NODE_DIGITS`] long.
    pub node: String,
    pub local: Arc<LocalBus>,
    pub state: watch::Sender<LinkState>,
}

impl Link {
    /// Delivers what the other nodes publish to this one. Never returns.
    pub async fn listen(self: Arc<Self>) {
        let mut backoff = backoff();
        loop {
            let failure = match within_timeout(self.subscribe()).await {
                Ok((sink, messages)) => {
                    backoff.reset();
                    info!(address = self.address, "listening to Redis");
                    self.update(|state| (state.listening, state.failure) = (true, None));
                    self.local.deliver_gap();
                    tokio::select! {
                        failure = keep_alive(sink) => failure,
                        () = self.receive(messages) => Failure::new("the connection was closed"),
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

    /// Waits for nothing but the next message, because the driver's buffer is unbounded.
    async fn receive(&self, mut messages: PubSubStream) {
        while let Some(message) = messages.next().await {
            match self.read(&message) {
                Some(BusMessage::Event(event)) => self.local.publish(&[event]),
                Some(BusMessage::Gap) => self.local.deliver_gap(),
                None => {}
            }
        }
    }

    fn read(&self, message: &Msg) -> Option<BusMessage> {
        let decoded = match message.get_payload_bytes().split_at_checked(NODE_DIGITS) {
            Some((node, _)) if node == self.node.as_bytes() => return None,
            Some((_, [])) => return Some(BusMessage::Gap),
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
                warn!(error, "unreadable message on the bus; another version of Orderwire may have sent it");
                BusMessage::Gap
            }
        })
    }

    /// Publishes what is queued until the queue is closed and empty.
    pub async fn publish(self: Arc<Self>, mut queue: mpsc::Receiver<Queued>) {
        let mut backoff = backoff();
        let mut connection = self.connect(&mut backoff).await;
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let messages = self.encode(&batch);
            let events = batch.len() as u64;
            if self.send(&messages, events, &mut connection).await {
                backoff.reset();
                batch.clear();
                continue;
            }
            // The server may have closed an idle connection: retry once on a new one. After that, nodes rely on the log.
            connection = self.connect(&mut backoff).await;
            if !self.send(&messages, events, &mut connection).await {
                metrics().bus_messages.get(BusMessageOutcome::Dropped).inc_by(events);
                sleep(backoff.delay()).await;
                connection = self.connect(&mut backoff).await;
            }
            batch.clear();
        }
        self.update(|state| state.published_all = true);
    }

    async fn send(&self, messages: &Pipeline, events: u64, connection: &mut MultiplexedConnection) -> bool {
        match within_timeout(messages.exec_async(connection)).await {
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
        // `within_timeout` limits the time; the driver's own timeout would be half a second.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        loop {
            match within_timeout(self.client.get_multiplexed_async_connection_with_config(&config)).await {
                Ok(connection) => {
                    self.update(|state| state.publishing = true);
                    return connection;
                }
                Err(failure) => self.lost("publishing", failure, |state| state.publishing = false),
            }
            sleep(backoff.delay()).await;
        }
    }

    fn encode(&self, queued: &[Queued]) -> Pipeline {
        let mut pipeline = redis::pipe();
        for queued in queued {
            let mut message = self.node.clone().into_bytes();
            if let BusMessage::Event(event) = &queued.message
                && let Err(error) = serde_json::to_writer(&mut message, event)
            {
                warn!(seq = event.seq, %error, "an event can't be encoded");
                continue;
            }
            pipeline.publish(&self.channel, message).ignore();
        }
        pipeline
    }

    /// Records a failure. Logs a warning the first time; repetitions are for debugging only.
    fn lost(&self, what: &str, failure: Failure, update: impl FnOnce(&mut LinkState)) {
        let reason = &*failure.reason;
        if self.state.borrow().failure.as_ref() == Some(&failure) {
            debug!(address = self.address, failure = reason, "{what} on Redis failed again");
        } else {
            warn!(address = self.address, failure = reason, "{what} on Redis failed; trying again until it works");
        }
        self.update(|state| {
            update(state);
            state.failure = Some(failure);
        });
    }

    fn update(&self, update: impl FnOnce(&mut LinkState)) {
        self.state.send_modify(|state| {
            update(state);
            metrics().bus_connected.set(state.is_connected().into());
        });
    }
}

/// Pings the server regularly. Returns the error when it no longer answers.
async fn keep_alive(mut connection: PubSubSink) -> Failure {
    loop {
        sleep(PING_INTERVAL).await;
        if let Err(failure) = within_timeout(connection.ping::<redis::Value>()).await {
            return failure;
        }
    }
}

async fn within_timeout<T>(work: impl Future<Output = Result<T, RedisError>>) -> Result<T, Failure> {
    match timeout(TIMEOUT, work).await {
        Ok(result) => result.map_err(Failure::from),
        Err(_) => Err(Failure::new(format!("no answer within {TIMEOUT:?}"))),
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(3))
}
