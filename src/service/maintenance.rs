//! Readiness, and deleting what is past its retention.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Result, Service, ServiceError};
use crate::{
    domain::{ClockOffset, Timestamp},
    storage::{self, Backlog, StoreError},
    telemetry::metrics::{Component, metrics},
};

/// How long the database may take to answer a ping.
const PING_WITHIN: Duration = Duration::from_secs(5);

/// How long a change may wait to be numbered before the log counts as impaired.
const NUMBERED_WITHIN: Duration = Duration::from_secs(5);

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
        let pinged = self.database_time().await;
        match &pinged {
            Ok((_, offset)) => readiness.impaired.extend(clock_problem(*offset)),
            Err(error) => {
                tracing::warn!(%error, "not ready");
                let line = "storage: the database does not answer as it should; the log says more";
                readiness.failing.push(line.to_owned());
            }
        }
        let stalled = self.feed.stalled_for();
        if let Some(silent) = stalled {
            let silent = silent.as_secs();
            readiness.failing.push(format!("feed: the event log was not read for {silent} s; subscribers wait"));
        }
        let log_problem = self.log_problem();
        let is_log_good = log_problem.is_none();
        readiness.impaired.extend(log_problem);
        let connected = self.feed.is_connected();
        if !connected {
            readiness
                .impaired
                .push("bus: no connection to Redis; other nodes hear of events a little later".to_owned());
        }
        for (part, good) in [
            (Component::Storage, pinged.is_ok()),
            (Component::Feed, stalled.is_none()),
            (Component::Log, is_log_good),
            (Component::Bus, connected),
        ] {
            metrics().ready.get(part).set(good.into());
        }
        readiness
    }

    /// What to tell operators of the event log, as it was found when it was last read.
    fn log_problem(&self) -> Option<String> {
        if self.feed.has_lost_entries() {
            return Some(
                "log: it has lost entries; after a restore from a backup run `orderwire log new-epoch`".to_owned(),
            );
        }
        let Backlog { changes, oldest } = self.feed.backlog();
        let seconds = oldest.as_secs();
        (oldest > NUMBERED_WITHIN).then(|| {
            format!("log: {changes} changes wait to be numbered, the oldest for {seconds} s; subscribers get them late")
        })
    }

    /// The time on the database's clock, and how far this node's clock is ahead of it.
    async fn database_time(&self) -> storage::Result<(Timestamp, ClockOffset)> {
        let before = self.now();
        let pinged = tokio::time::timeout(PING_WITHIN, self.store.ping()).await;
        let now = pinged.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer".to_owned())))?;
        let offset = ClockOffset::measured(before, now, self.now());
        metrics().clock_offset.set(offset.seconds());
        metrics().ready.get(Component::Clock).set(offset.is_tolerated().into());
        let was_off = self.clock_is_off.swap(!offset.is_tolerated(), Ordering::Relaxed);
        match clock_problem(offset) {
            Some(problem) if !was_off => tracing::error!("{problem}"),
            None if was_off => tracing::info!("this node's clock agrees with the database's again"),
            _ => {}
        }
        Ok((now, offset))
    }

    /// Deletes log entries, idempotency keys and sessions that are past their retention on the database's clock. Deletes
    /// nothing, and fails, while this node's clock is off: one of the two is wrong, and it may be the database's.
    pub async fn prune(&self) -> Result<()> {
        let (now, offset) = self.database_time().await?;
        if let Some(problem) = clock_problem(offset) {
            return Err(ServiceError::Unavailable(problem));
        }
        let log_before = now.minus(self.options.log_retention);
        let keys_before = now.minus(self.options.idempotency_retention);
        Ok(self.store.prune(now, log_before, keys_before).await?)
    }
}

/// What to tell operators of a clock that is off.
fn clock_problem(offset: ClockOffset) -> Option<String> {
    let seconds = offset.seconds();
    let way = if seconds < 0.0 { "behind" } else { "ahead of" };
    let advice = "it deletes nothing until both are right: check how each machine sets its clock";
    (!offset.is_tolerated())
        .then(|| format!("clock: this node's clock is {:.0} s {way} the database's; {advice}", seconds.abs()))
}
