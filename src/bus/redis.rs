//! The bus between nodes: Redis pub/sub.
//!
//! All nodes of a deployment publish to one channel, each over one connection, and listen over another. A message is
//! the sender's 16 hexadecimal digits followed by the event as JSON. A node hands its own events to itself directly and
//! passes over the ones that come back. After each (re)subscription, and for a message that can't be read, receivers
//! are told of a gap. Database numbers don't separate channels in Redis; the name of the log in the channel does.

mod buckets;
mod link;
mod operations;
mod shared;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rand::Rng;
use redis::{Client, IntoConnectionInfo, io::tcp::TcpSettings};
use tokio::sync::{mpsc, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::warn;

use super::{BusReceiver, EventBus, local::LocalBus};
use crate::{
    domain::{Event, LogId},
    telemetry::metrics::{BusMessageOutcome, metrics},
};
pub use buckets::RedisBuckets;
use link::Link;
pub use operations::RedisOperations;

/// Events waiting to be published; more are dropped, and found in the log by the other nodes.
const QUEUE: usize = 4096;
/// How long closing waits for the queue to be sent.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Redis can't be used. Never holds the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The URL is not one of Redis.
    #[error("not a Redis URL; expected redis://[user[:password]@]host[:port][/database], or rediss:// for TLS")]
    Url,
    /// The server did not answer, or refused.
    #[error("no connection to Redis at {address}: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What happened.
        reason: String,
    },
}

/// An [`EventBus`] over Redis.
pub struct RedisBus {
    address: String,
    local: Arc<LocalBus>,
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Arc<Event>>>>,
    state: watch::Receiver<link::State>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl RedisBus {
    /// The bus of the deployment with this log. Connects in the background, for ever; the only error is
    /// [`BusError::Url`]. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId) -> Result<Self, BusError> {
        let (client, address) = client(url)?;
        let local = Arc::new(LocalBus::new());
        let (queue, queued) = mpsc::channel(QUEUE);
        let (state, state_seen) = watch::channel(link::State::default());
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
            state: state_seen,
            tasks,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// Like [`RedisBus::open`], but fails unless Redis is reached `within` this time.
    pub async fn connect(url: &str, log: LogId, within: Duration) -> Result<Self, BusError> {
        let bus = Self::open(url, log)?;
        let mut state = bus.state.clone();
        let connected = tokio::time::timeout(within, state.wait_for(link::State::is_connected)).await;
        if matches!(connected, Ok(Ok(_))) {
            return Ok(bus);
        }
        let reason = bus.state.borrow().failure.clone().unwrap_or_else(|| format!("no answer within {within:?}"));
        Err(BusError::Unreachable { address: bus.address.clone(), reason })
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Arc<Event>>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client for a URL, and the address for the log.
fn client(url: &str) -> Result<(Client, String), BusError> {
    let info = url.into_connection_info().map_err(|_| BusError::Url)?;
    let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let address = info.addr().to_string();
    Ok((Client::open(info).map_err(|_| BusError::Url)?, address))
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
        let Some(queue) = self.queue().clone() else { return };
        let unsent = events.iter().filter(|event| queue.try_send(Arc::clone(event)).is_err()).count();
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
        self.queue().take();
        // The listener has no end of its own; the publisher ends when its queue is empty.
        let mut state = self.state.clone();
        let _ = tokio::time::timeout(CLOSE_WITHIN, state.wait_for(|state| state.published_all)).await;
        self.stop.cancel();
        self.tasks.wait().await;
        self.local.end();
    }
}
