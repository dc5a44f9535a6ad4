//! Storage of jobs.
//!
//! Decision: `docs/decisions/0039-jobs.md`.

use std::time::Duration;

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{Job, JobId, JobKind, JobOutcome, JobStatus, Stamp};

/// A job that one process runs until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedJob {
    /// The job.
    pub job: Job,
    /// The number of this lease. Another one of the job is larger.
    pub fence: i64,
}

/// Which jobs are listed: those of these kinds with one of these statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// The kinds.
    pub kinds: Vec<JobKind>,
    /// The statuses.
    pub statuses: Vec<JobStatus>,
}

impl JobFilter {
    /// Each kind with each status.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (JobKind, JobStatus)> {
        self.kinds.iter().flat_map(|kind| self.statuses.iter().map(|status| (*kind, *status)))
    }
}

/// Stores jobs. The clock of the database says when they are due and how long leases last.
///
/// A lease makes it likely that one process runs a job; its fence makes sure that no other says how it went: each lease, and each
/// change by people, raises it.
#[async_trait]
pub trait JobStore {
    /// Adds jobs.
    async fn insert_jobs(&self, jobs: &[Job]) -> Result<()>;
    /// Adds a job that is done again and again, or changes the stored one as [`Job::reschedule`] says.
    async fn put_schedule(&self, job: &Job) -> Result<()>;
    /// Begins jobs of a kind that are due, those that are due for longest first, and gives the process their leases: `most` at
    /// most. Jobs whose process has not ended them within their lease are due.
    async fn begin_jobs(&self, kind: JobKind, most: u32, lease: Duration) -> Result<Vec<LeasedJob>>;
    /// Makes a lease end so much later than now; `false` if it is not the job's last one.
    async fn extend_job(&self, id: JobId, fence: i64, lease: Duration) -> Result<bool>;
    /// Does atomically what [`Job::end`] decides, and ends the lease; `false` if it is not the job's last one, and then nothing
    /// is stored.
    async fn end_job(&self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<bool>;
    /// The jobs with these ids.
    async fn jobs(&self, ids: &[JobId]) -> Result<Vec<Option<Job>>>;
    /// Up to `limit` jobs before another one, the newest first.
    async fn list_jobs(&self, filter: &JobFilter, before: Option<JobId>, limit: u32) -> Result<Vec<Job>>;
    /// Does atomically what [`Job::retry`] decides. Refuses a change by an actor who is no admin.
    async fn retry_job(&self, id: JobId, stamp: Stamp) -> Result<Job>;
    /// Does atomically what [`Job::discard`] decides. Refuses a change by an actor who is no admin.
    async fn discard_job(&self, id: JobId, stamp: Stamp) -> Result<Job>;
}

fn size_of_job(job: &Job) -> usize {
    size_of::<Job>() + job.payload.len()
}

instrument!(JobStore {
    fn insert_jobs(jobs: &[Job]) -> (), batch jobs;
    fn put_schedule(job: &Job) -> ();
    fn begin_jobs(kind: JobKind, most: u32, lease: Duration) -> Vec<LeasedJob>;
    fn extend_job(id: JobId, fence: i64, lease: Duration) -> bool;
    fn end_job(id: JobId, fence: i64, outcome: JobOutcome) -> bool;
    fn jobs(ids: &[JobId]) -> Vec<Option<Job>>, batch ids;
    fn list_jobs(filter: &JobFilter, before: Option<JobId>, limit: u32) -> Vec<Job>;
    fn retry_job(id: JobId, stamp: Stamp) -> Job, stores size_of_job;
    fn discard_job(id: JobId, stamp: Stamp) -> Job, stores size_of_job;
});
