//! Background jobs: one file per job.

mod prune;

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::service::Service;

/// How often the jobs run.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// Average time between two deletions of expired data.
    pub prune_every: Duration,
}

/// The running jobs. Dropping this stops them.
pub struct Jobs {
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: tokio_util::sync::DropGuard,
}

impl Jobs {
    /// Starts all jobs. Must be called within a Tokio runtime.
    pub fn start(service: Arc<Service>, options: JobOptions) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(stop.clone().run_until_cancelled_owned(prune::run(service, options.prune_every)));
        tasks.close();
        Self { tasks, _stop_on_drop: stop.clone().drop_guard(), stop }
    }

    /// Stops all jobs and waits until they have ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}
