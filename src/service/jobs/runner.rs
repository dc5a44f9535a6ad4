//! Runs the jobs that are due.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, warn};

use super::{
    attempt::attempt,
    work::{Schedule, Work},
};
use crate::{
    domain::{Job, JobKind},
    service::Service,
};

/// The pause after the schedules could not be stored.
const PAUSE: Duration = Duration::from_secs(1);

/// How long stopping takes at most: the second of the attempts, and two for the store.
const STOPPED_WITHIN: Duration = Duration::from_secs(3);

/// How jobs are run.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// How long a lease lasts, and so how long it takes until another process goes on after a crash.
    pub lease: Duration,
    /// How often jobs are looked for that other processes have stored, or whose time has come.
    pub poll_every: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), poll_every: Duration::from_secs(2) }
    }
}

/// The jobs of a process. Dropping this ends them at once, as a crash would: others begin them again when their leases end.
pub struct JobRunner {
    task: AbortOnDropHandle<()>,
    stop: CancellationToken,
}

impl JobRunner {
    /// Starts to run jobs of the kinds of `work`. Must be called within a Tokio runtime.
    pub fn start(service: Arc<Service>, work: Vec<Arc<dyn Work>>, options: RunnerOptions) -> Self {
        let stop = CancellationToken::new();
        let runner = Runner { service, work, options, stop: stop.clone(), running: HashMap::new() };
        Self { task: AbortOnDropHandle::new(tokio::spawn(runner.run())), stop }
    }

    /// Begins no more jobs, gives those that run a second to end, and stores that the others were interrupted. If the store does
    /// not answer in time, their leases end by themselves.
    pub async fn stop(self) {
        self.stop.cancel();
        match timeout(STOPPED_WITHIN, self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "the jobs ended with a fault"),
            Err(_) => warn!("what became of jobs was not stored; they are done again when their leases end"),
        }
    }
}

struct Runner {
    service: Arc<Service>,
    work: Vec<Arc<dyn Work>>,
    options: RunnerOptions,
    stop: CancellationToken,
    running: HashMap<JobKind, JoinSet<()>>,
}

impl Runner {
    async fn run(mut self) {
        let stop = self.stop.clone();
        if stop.run_until_cancelled(self.put_schedules()).await.is_none() {
            return;
        }
        while !stop.is_cancelled() {
            let begun = self.begin().await;
            if begun > 0 {
                continue;
            }
            let poll = self.options.poll_every.mul_f64(0.9 + 0.2 * rand::random::<f64>());
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.service.jobs_changed.notified() => {}
                () = sleep(poll) => {}
                () = one_ended(&mut self.running) => {}
            }
        }
        for running in self.running.values_mut() {
            while running.join_next().await.is_some() {}
        }
    }

    async fn put_schedules(&self) {
        for work in &self.work {
            let Some(Schedule { every, first_within, max_attempts }) = work.schedule() else { continue };
            let first_in = first_within.min(every).mul_f64(rand::random());
            while let Err(error) = async {
                let now = self.service.store.ping().await?;
                self.service.store.put_schedule(&Job::schedule(work.kind(), every, first_in, max_attempts, now)).await
            }
            .await
            {
                warn!(%error, kind = work.kind().as_str(), "a schedule can't be stored");
                sleep(PAUSE).await;
            }
        }
    }

    /// Begins as many jobs as are due and have room, and returns their number.
    async fn begin(&mut self) -> usize {
        let mut begun = 0;
        for work in &self.work {
            let running = self.running.entry(work.kind()).or_default();
            while running.try_join_next().is_some() {}
            let free = work.at_once().saturating_sub(u32::try_from(running.len()).unwrap_or(u32::MAX));
            if free == 0 {
                continue;
            }
            let store = &self.service.store;
            match store.begin_jobs(work.kind(), free, self.options.lease).await {
                Ok(jobs) => {
                    begun += jobs.len();
                    for job in jobs {
                        let (store, work, stop) = (store.clone(), work.clone(), self.stop.clone());
                        running.spawn(attempt(store, work, job, self.options.lease, stop));
                    }
                }
                Err(error) => debug!(%error, kind = work.kind().as_str(), "jobs can't be begun"),
            }
        }
        begun
    }
}

/// Waits until an attempt of any kind has ended.
async fn one_ended(running: &mut HashMap<JobKind, JoinSet<()>>) {
    let mut ends: Vec<_> = running.values_mut().filter(|running| !running.is_empty()).collect();
    if ends.is_empty() {
        return std::future::pending().await;
    }
    futures_util::future::select_all(ends.iter_mut().map(|running| Box::pin(running.join_next()))).await;
}
