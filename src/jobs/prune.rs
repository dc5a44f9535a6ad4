//! Deletes what is past its retention.

use std::{sync::Arc, time::Duration};

use rand::Rng;

use crate::{
    service::Service,
    telemetry::metrics::{Outcome, metrics},
};

/// The first run does not wait for a whole interval: a process may not live that long.
const FIRST_WITHIN: Duration = Duration::from_secs(60);

/// Runs for ever. Times are jittered, so that the nodes of a deployment do not all come at once.
pub(super) async fn run(service: Arc<Service>, every: Duration) {
    let mut wait = every.min(FIRST_WITHIN).mul_f64(rand::rng().random());
    loop {
        tokio::time::sleep(wait).await;
        let pruned = service.prune().await;
        metrics().prunes.get(if pruned.is_ok() { Outcome::Ok } else { Outcome::Failed }).inc();
        if let Err(error) = pruned {
            tracing::warn!(%error, "what is past its retention could not be deleted; it is tried again later");
        }
        wait = every.mul_f64(rand::rng().random_range(0.9..1.1));
    }
}
