//! Waits at start for the services that the server depends on.

use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, sleep};

use crate::cluster::Backoff;

/// Calls `reach` until it succeeds, the time `within` is over, or its error is not retryable. Tries at least once and logs
/// each failure.
pub(super) async fn retry_until_ready<T, E: Display>(
    what: &str,
    within: Duration,
    is_retryable: impl Fn(&E) -> bool,
    mut reach: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    let end = Instant::now() + within;
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3));
    let mut waited = false;
    loop {
        let error = match reach().await {
            Ok(there) => {
                if waited {
                    tracing::info!("{what} is there");
                }
                return Ok(there);
            }
            Err(error) => error,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || !is_retryable(&error) {
            return Err(error);
        }
        waited = true;
        tracing::warn!(reason = %error, "waiting for {what}, {} s at most", left.as_secs());
        sleep(backoff.delay().min(left)).await;
    }
}
