//! How far the server is with stopping.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How far the server is with stopping; reaches the handlers as a request extension.
#[derive(Debug, Clone)]
pub(in crate::http) struct Shutdown {
    /// Whether the server was told to stop. While it hands over, it still takes new work.
    pub(in crate::http) stopping: Arc<AtomicBool>,
    /// Take no new work and finish what runs.
    pub(in crate::http) draining: CancellationToken,
    /// Stop now.
    pub(in crate::http) abort: CancellationToken,
    /// How long after `shutdown` a WebSocket may finish its queries and mutations.
    pub(in crate::http) drain_time: Duration,
    /// Every connection that the end waits for.
    pub(in crate::http) connections: TaskTracker,
}

impl Shutdown {
    /// Whether the server was told to stop.
    pub(in crate::http) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// How long after `shutdown` a connection is to stay: somewhere within `spread`, so that clients do not come back
    /// all at once, and within the time there is.
    pub(in crate::http) fn wait_before_leaving(&self, spread: Duration) -> Duration {
        spread.min(self.drain_time).mul_f64(rand::random())
    }

    /// Ready when a connection is to be left.
    pub(in crate::http) async fn leaving(self, spread: Duration) {
        self.draining.cancelled().await;
        tokio::time::sleep(self.wait_before_leaving(spread)).await;
    }
}

impl Default for Shutdown {
    /// Never stops.
    fn default() -> Self {
        Self {
            stopping: Arc::default(),
            draining: CancellationToken::new(),
            abort: CancellationToken::new(),
            drain_time: Duration::ZERO,
            connections: TaskTracker::new(),
        }
    }
}
