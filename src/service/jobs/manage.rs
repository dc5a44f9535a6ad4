//! What admins see of jobs and do with them.

use super::super::{Result, Service, access, error::not_found_at, page::first_of};
use crate::{
    domain::{Job, JobId, JobKind, JobStatus, Viewer},
    storage::JobFilter,
};

impl Service {
    /// Admin: up to `first` jobs of these kinds with one of these statuses before another one, the newest first, and whether there
    /// are more. `None` stands for all.
    pub async fn jobs(
        &self,
        viewer: &Viewer,
        kinds: Option<Vec<JobKind>>,
        statuses: Option<Vec<JobStatus>>,
        before: Option<JobId>,
        first: u32,
    ) -> Result<(Vec<Job>, bool)> {
        access::require_admin(viewer)?;
        let filter = JobFilter {
            kinds: kinds.unwrap_or_else(|| JobKind::ALL.to_vec()),
            statuses: statuses.unwrap_or_else(|| JobStatus::ALL.to_vec()),
        };
        let found = self.store.list_jobs(&filter, before, first.saturating_add(1)).await?;
        Ok(first_of(found, first))
    }

    /// Admin: the jobs with these ids.
    pub async fn jobs_by_ids(&self, viewer: &Viewer, ids: &[JobId]) -> Result<Vec<Option<Job>>> {
        access::require_admin(viewer)?;
        Ok(self.store.jobs(ids).await?)
    }

    /// Admin: has a job that waits, has failed or was discarded tried at once, with as many attempts as at first.
    pub async fn retry_job(&self, viewer: &Viewer, id: JobId) -> Result<Job> {
        access::require_admin(viewer)?;
        let job = self.store.retry_job(id, self.stamp(viewer)?).await.map_err(not_found_at("id"))?;
        self.jobs_changed.notify_one();
        Ok(job)
    }

    /// Admin: decides that a job that waits or has failed need not be done. A schedule can't be discarded.
    pub async fn discard_job(&self, viewer: &Viewer, id: JobId) -> Result<Job> {
        access::require_admin(viewer)?;
        self.store.discard_job(id, self.stamp(viewer)?).await.map_err(not_found_at("id"))
    }
}
