//! The shutdown state that the accept loop, the connections and the handlers share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How far the server is with stopping. Handlers get it as a request extension.
#[derive(Debug, Clone)]
pub(in crate::http) struct Shutdown {
    /// Set when shutdown begins. During the handover the server still accepts new work.
    pub(in crate::http) stopping: Arc<AtomicBool>,
    /// Cancelled when draining begins: accept no new work and finish what runs.
    pub(in crate::http) draining: CancellationToken,
    /// Cancelled when everything that still runs must stop at once.
    pub(in crate::http) abort: CancellationToken,
    /// How long after `draining` a WebSocket may take to finish its queries and mutations.
    pub(in crate::http) drain_time: Duration,
    /// The connections that shutdown waits for.
    pub(in crate::http) connections: TaskTracker,
}

impl Shutdown {
    /// The state of a server that is never stopped.
    pub(in crate::http) fn never() -> Self {
        Self {
            stopping: Arc::default(),
            draining: CancellationToken::new(),
            abort: CancellationToken::new(),
            drain_time: Duration::ZERO,
            connections: TaskTracker::new(),
        }
    }

    /// Whether shutdown has begun, the handover included.
    pub(in crate::http) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// A random delay for closing a connection after `draining`, up to `spread` and `drain_time`, so that clients don't
    /// reconnect all at once.
    pub(in crate::http) fn random_close_delay(&self, spread: Duration) -> Duration {
        spread.min(self.drain_time).mul_f64(rand::random())
    }

    /// Completes when a connection should close: some time within `spread` after draining began.
    pub(in crate::http) async fn wait_to_close(self, spread: Duration) {
        self.draining.cancelled().await;
        tokio::time::sleep(self.random_close_delay(spread)).await;
    }
}
