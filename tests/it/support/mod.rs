//! Helpers that several tests share.

pub mod api;
pub mod app;
pub mod data;
pub mod mongod;
pub mod options;
pub mod port;
pub mod schema;
pub mod stopwatch;
pub mod subscriber;
pub mod transports;
pub mod ws;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Polls `condition` until it holds; panics with `what` after `deadline`.
pub async fn wait_until(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + deadline;
    while !condition().await {
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}
