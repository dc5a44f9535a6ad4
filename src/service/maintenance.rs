//! Readiness, and deleting what is past its retention.

use std::time::Duration;

use super::{Result, Service};
use crate::{
    storage,
    telemetry::metrics::{Component, metrics},
};

/// How long the database may take to answer a ping.
const PING_WITHIN: Duration = Duration::from_secs(5);

/// Whether the server can serve, with one line for each part that has a problem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Problems that keep the server from serving. It is ready when there are none.
    pub failing: Vec<String>,
    /// Problems that it can serve with.
    pub impaired: Vec<String>,
}

impl Service {
    /// Checks the parts that serving depends on. Takes 5 s at most.
    pub async fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        let pinged = tokio::time::timeout(PING_WITHIN, self.store.ping()).await;
        let pinged = pinged.unwrap_or_else(|_| Err(storage::StoreError::Unavailable("no answer".to_owned())));
        if let Err(error) = &pinged {
            tracing::warn!(%error, "not ready");
            readiness.failing.push("storage: the database does not answer as it should; the log says more".to_owned());
        }
        let stalled = self.feed.stalled_for();
        if let Some(silent) = stalled {
            let silent = silent.as_secs();
            readiness.failing.push(format!("feed: the event log was not read for {silent} s; subscribers wait"));
        }
        let connected = self.feed.is_connected();
        if !connected {
            readiness
                .impaired
                .push("bus: no connection to Redis; other nodes hear of events a little later".to_owned());
        }
        for (part, good) in
            [(Component::Storage, pinged.is_ok()), (Component::Feed, stalled.is_none()), (Component::Bus, connected)]
        {
            metrics().ready.get(part).set(good.into());
        }
        readiness
    }

    /// Deletes log entries, idempotency keys and sessions that are past their retention.
    pub async fn prune(&self) -> Result<()> {
        let now = self.now();
        let log_before = now.minus(self.options.log_retention);
        let keys_before = now.minus(self.options.idempotency_retention);
        Ok(self.store.prune(now, log_before, keys_before).await?)
    }
}
