//! Deletes data that is past its retention.

use std::{sync::Arc, time::Duration};

use rand::Rng;

use crate::{
    service::Service,
    telemetry::metrics::{Outcome, metrics},
};

/// The first run happens within this time, because a process may not live for a whole interval.
const FIRST_WITHIN: Duration = Duration::from_secs(60);

/// Runs forever. The waits are jittered so that the nodes of a cluster do not prune at the same time.
pub(super) async fn run(service: Arc<Service>, every: Duration) {
    let mut wait = every.min(FIRST_WITHIN).mul_f64(rand::rng().random());
    loop {
        tokio::time::sleep(wait).await;
        let pruned = service.prune().await;
        metrics().prunes.get(if pruned.is_ok() { Outcome::Ok } else { Outcome::Failed }).inc();
        if let Err(error) = pruned {
            tracing::warn!(%error, "could not delete data that is past its retention; trying again later");
        }
        wait = every.mul_f64(rand::rng().random_range(0.9..1.1));
    }
}
