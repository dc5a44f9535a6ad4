//! Reads of entities and lists that other members of the replica set than the primary may answer.
//!
//! Such a read comes after everything that this process has read or committed ([`super::seen_time`]). That includes the
//! event log, which is read on the primary all the time. So the read is as exact as one on the primary, and never older than
//! what the feed has, as long as the log was read within the last second; otherwise the primary answers. A member that is
//! behind waits until it has what the read comes after. If that takes too long, or no member can be reached, the primary
//! answers this read and those of the next seconds.
//!
//! Sessions, credentials, the log and all changes are read on the primary.
//!
//! Decision: `docs/decisions/0030-reads-from-secondaries.md`.

use std::time::Duration;

use mongodb::options::{ReadPreference, SelectionCriteria};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::{
    domain::MAX_READ_AGE,
    fairness::{self, run_until},
    storage::{Result, StoreError, operation::is_uncached},
    telemetry::metrics::metrics,
};

/// How long a read may take on such a member.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the primary answers after a read took longer.
const AVOIDED_FOR: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// Which servers answer the reads of the current task.
    static SERVERS: SelectionCriteria;
}

/// Which servers answer reads of entities and lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadFrom {
    /// The primary.
    #[default]
    Primary,
    /// The server with the shortest way.
    Nearest,
    /// A secondary, if there is one.
    Secondary,
}

/// Which servers may answer, and whether they do at present.
pub(super) struct Replicas {
    /// `None` for the primary.
    servers: Option<SelectionCriteria>,
    /// When the last read of the whole log began.
    log_read_at: Mutex<Option<Instant>>,
    avoided_until: Mutex<Option<Instant>>,
}

impl Replicas {
    pub(super) fn new(read_from: ReadFrom) -> Self {
        let preference = match read_from {
            ReadFrom::Primary => None,
            ReadFrom::Nearest => Some(ReadPreference::Nearest { options: None }),
            ReadFrom::Secondary => Some(ReadPreference::SecondaryPreferred { options: None }),
        };
        let servers = preference.map(SelectionCriteria::ReadPreference);
        Self { servers, log_read_at: Mutex::default(), avoided_until: Mutex::default() }
    }

    /// Notes that a read of the log that began then has ended.
    pub(super) fn note_log_read(&self, began: Instant) {
        let mut at = self.log_read_at.lock();
        *at = (*at).max(Some(began));
    }

    /// Runs a read of entities or lists on the servers that may answer it. If they don't, `read` runs again on the primary.
    pub(super) async fn read<T, F: Future<Output = Result<T>>>(&self, read: impl Fn() -> F) -> Result<T> {
        let Some(servers) = self.servers() else { return read().await };
        let patience = Instant::now() + PATIENCE;
        let deadline = fairness::deadline().map_or(patience, |deadline| deadline.min(patience));
        match timeout_at(deadline, run_until(deadline, SERVERS.scope(servers.clone(), read()))).await {
            Ok(Err(StoreError::Unavailable(_))) | Err(_) => {}
            Ok(result) => return result,
        }
        if deadline == patience {
            self.avoid();
        }
        read().await
    }

    /// Which servers to read from now, if not from the primary.
    fn servers(&self) -> Option<&SelectionCriteria> {
        let servers = self.servers.as_ref().filter(|_| !is_uncached())?;
        let now = Instant::now();
        let is_fresh = self.log_read_at.lock().is_some_and(|at| now.duration_since(at) < MAX_READ_AGE);
        let is_avoided = self.avoided_until.lock().is_some_and(|until| now < until);
        (is_fresh && !is_avoided).then_some(servers)
    }

    fn avoid(&self) {
        metrics().mongodb_replica_fallbacks.inc();
        let mut until = self.avoided_until.lock();
        if until.is_none_or(|until| until < Instant::now()) {
            warn!(
                "a secondary of MongoDB is too far behind or cannot be reached; the primary answers for some seconds"
            );
        }
        *until = Some(Instant::now() + AVOIDED_FOR);
    }
}

/// Which servers answer the reads of the current task, if not the primary.
pub(super) fn servers_of_task() -> Option<SelectionCriteria> {
    SERVERS.try_with(SelectionCriteria::clone).ok()
}
