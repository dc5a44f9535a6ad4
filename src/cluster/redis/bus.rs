//! The event bus between nodes: Redis pub/sub.
//!
//! Each node publishes to one channel over one connection and listens to it over another. A message is the sender's 16
//! hexadecimal digits followed by the event as JSON, or by nothing for a gap. A node delivers its own events directly and skips the copies that
//! come back. Receivers get a gap after each (re)subscription and for each message that can't be read.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::{mpsc, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::warn;

use super::{
    client::{ConnectError, client},
    link::{Link, LinkState},
};
use crate::{
    cluster::{
        BusReceiver, EventBus,
        events::{QueueBytes, Queued},
        local::LocalBus,
    },
    domain::{Event, LogId},
    telemetry::metrics::{BusMessageOutcome, metrics},
};

/// Events queued for publishing. Further ones are dropped: the other nodes then read them from the log.
const QUEUE: usize = 4096;
/// Estimated bytes of the queued events. One that does not fit is dropped, too.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// Estimated bytes of the largest event that is sent. The other nodes get a gap in place of a larger one, because Redis
/// closes the connections of receivers that are behind by some megabytes.
const LARGEST: usize = 256 * 1024;
/// How long closing waits for the queue to be sent.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// An [`EventBus`] over Redis.
pub struct RedisBus {
    address: String,
    local: Arc<LocalBus>,
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Queued>>>,
    queue_bytes: QueueBytes,
    state: watch::Receiver<LinkState>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl RedisBus {
    /// The bus of the deployment with this log. Connects in the background and tries again until it is closed; the only
    /// error is [`ConnectError::Url`]. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId) -> Result<Self, ConnectError> {
        let (client, address) = client(url)?;
        let local = Arc::new(LocalBus::new());
        let (queue, queued) = mpsc::channel(QUEUE);
        let (state, state_receiver) = watch::channel(LinkState::default());
        let stop = CancellationToken::new();
        let link = Arc::new(Link {
            client,
            address: address.clone(),
            channel: format!("orderwire:{:08x}:events", log.0),
            node: format!("{:016x}", rand::rng().random::<u64>()),
            local: Arc::clone(&local),
            state,
        });
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(Arc::clone(&link).listen()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(link.publish(queued)));
        tasks.close();
        Ok(Self {
            address,
            local,
            queue: Mutex::new(Some(queue)),
            queue_bytes: QueueBytes::new(QUEUE_BYTES),
            state: state_receiver,
            tasks,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// Like [`RedisBus::open`], but waits up to `within` for the connection. If Redis is away, this is logged, and the
    /// bus connects when it is there. Fails with [`ConnectError::Refused`] if Redis answers and does not accept this
    /// client, which no waiting mends.
    pub async fn connect(url: &str, log: LogId, within: Duration) -> Result<Self, ConnectError> {
        let bus = Self::open(url, log)?;
        let mut state = bus.state.clone();
        let is_settled = |state: &LinkState| state.is_connected() || state.refusal().is_some();
        let _ = tokio::time::timeout(within, state.wait_for(is_settled)).await;
        let state = bus.state.borrow();
        if let Some(reason) = state.refusal() {
            return Err(ConnectError::Refused { address: bus.address.clone(), reason: reason.to_owned() });
        }
        if !state.is_connected() {
            let reason = state.failure.as_ref().map_or("no answer", |failure| &failure.reason);
            warn!(
                reason,
                address = bus.address,
                "Redis is away: starting without it; nodes find each other's events in the log until it is there"
            );
        }
        drop(state);
        Ok(bus)
    }
}

impl std::fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBus").field("address", &self.address).finish_non_exhaustive()
    }
}

#[async_trait]
impl EventBus for RedisBus {
    fn publish(&self, events: &[Arc<Event>]) {
        self.local.publish(events);
        let Some(queue) = self.queue.lock().clone() else { return };
        let message = |event: &Arc<Event>| {
            if event.memory() > LARGEST { Some(Queued::gap()) } else { self.queue_bytes.queued(event) }
        };
        let sent = events.iter().filter(|event| message(event).is_some_and(|message| queue.try_send(message).is_ok()));
        let unsent = events.len() - sent.count();
        if unsent > 0 {
            metrics().bus_messages.get(BusMessageOutcome::Dropped).inc_by(unsent as u64);
            warn!(
                unsent,
                address = self.address,
                "Redis is too slow or away: other nodes will read events from the log"
            );
        }
    }

    fn subscribe(&self) -> BusReceiver {
        self.local.subscribe()
    }

    /// Whether both connections are up.
    fn is_connected(&self) -> bool {
        self.state.borrow().is_connected()
    }

    async fn close(&self) {
        self.queue.lock().take();
        // The publisher ends when its queue is empty; the listener ends only when it is cancelled.
        let mut state = self.state.clone();
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, state.wait_for(|state| state.published_all)).await;
        self.stop.cancel();
        self.tasks.wait().await;
        self.local.end();
    }
}
