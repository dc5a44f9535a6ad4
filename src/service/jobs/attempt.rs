//! An attempt at a job.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::work::Work;
use crate::{
    domain::{Job, JobOutcome},
    service::consumers::retry_delay,
    storage::{LeasedJob, Store},
    telemetry::metrics::{GaugeGuard, metrics},
};

/// How long an attempt may go on when the process stops.
const LAST: Duration = Duration::from_secs(1);
/// The pause after the store could not be told how an attempt went.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes an attempt at a job, extends its lease meanwhile, and stores how it went.
pub(super) async fn attempt(
    store: Arc<dyn Store>,
    work: Arc<dyn Work>,
    leased: LeasedJob,
    lease: Duration,
    stop: CancellationToken,
) {
    let LeasedJob { job, fence } = leased;
    let kind = job.kind.as_str();
    let _running = GaugeGuard::new(&metrics().jobs_running.with_labels([kind]));
    let began = Instant::now();
    let outcome = tokio::select! {
        outcome = run(&*work, &job) => outcome,
        () = keep_lease(&*store, &job, fence, lease) => {
            metrics().jobs_ended.with_labels([kind, "lost"]).inc();
            return warn!(job = %job.id, kind, "the lease of a job was lost; another process may do it again");
        }
        () = async { stop.cancelled().await; sleep(LAST).await } => JobOutcome::Interrupted,
    };
    metrics().job_duration.with_labels([kind]).observe(began.elapsed().as_secs_f64());
    let label = match &outcome {
        JobOutcome::Succeeded => "succeeded",
        JobOutcome::Interrupted => "interrupted",
        JobOutcome::Failed { error, .. } => {
            warn!(job = %job.id, kind, attempt = job.attempts, of = job.max_attempts, error, "a job could not be done");
            "failed"
        }
    };
    metrics().jobs_ended.with_labels([kind, label]).inc();
    store_outcome(&*store, &job, fence, outcome, lease, &stop).await;
}

async fn run(work: &dyn Work, job: &Job) -> JobOutcome {
    let error = match timeout(work.longest(), work.run(job)).await {
        Ok(Ok(())) => return JobOutcome::Succeeded,
        Ok(Err(error)) => error,
        Err(_) => format!("it took longer than {} s", work.longest().as_secs()),
    };
    JobOutcome::Failed { error, retry_in: retry_delay(job.attempts, rand::random()) }
}

/// Extends the lease again and again; returns when it is lost.
async fn keep_lease(store: &dyn Store, job: &Job, fence: i64, lease: Duration) {
    let mut ends = Instant::now() + lease;
    while Instant::now() < ends {
        sleep(lease / 3).await;
        let asked_at = Instant::now();
        match store.extend_job(job.id, fence, lease).await {
            Ok(true) => ends = asked_at + lease,
            Ok(false) => return,
            Err(error) => debug!(%error, job = %job.id, "the lease of a job can't be extended"),
        }
    }
}

/// Stores how an attempt went; tries for as long as the lease may last, unless the process stops.
async fn store_outcome(
    store: &dyn Store,
    job: &Job,
    fence: i64,
    outcome: JobOutcome,
    lease: Duration,
    stop: &CancellationToken,
) {
    let ends = Instant::now() + lease;
    loop {
        match store.end_job(job.id, fence, outcome.clone()).await {
            Ok(true) => return,
            Ok(false) => return warn!(job = %job.id, "the lease of a job was lost before its end was stored"),
            Err(error) if Instant::now() + PAUSE < ends && !stop.is_cancelled() => {
                warn!(%error, job = %job.id, "the end of a job can't be stored")
            }
            Err(error) => return warn!(%error, job = %job.id, "the end of a job was not stored; it will be done again"),
        }
        sleep(PAUSE).await;
    }
}
