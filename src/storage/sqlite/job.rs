//! Jobs.
//!
//! Decision: `docs/decisions/0039-jobs.md`.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    row::{Json, NamedRow, blob_columns, json, named, text_columns},
    store::SqliteStore,
    user,
};
use crate::{
    domain::{Clock, Job, JobId, JobKind, JobOutcome, JobStatus, Refusal, Stamp, SystemClock, Timestamp},
    storage::{JobFilter, JobStore, LeasedJob, Result},
};

blob_columns!(JobId);
text_columns!(JobKind, JobStatus);

/// The time on the database's clock, which is the machine's.
fn now() -> Timestamp {
    SystemClock.now()
}

/// Adds jobs, with the change that asks for them.
pub(super) fn insert(db: &Connection, jobs: &[Job]) -> Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT INTO jobs (id, kind, status, due_at, finished_at, job) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for job in jobs {
        insert.execute(params![job.id, job.kind, job.status, job.due_at(), job.finished_at, json(job)?])?;
    }
    Ok(())
}

fn leased_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<LeasedJob> {
    Ok(LeasedJob { job: row.get::<Json<Job>>("job")?.0, fence: row.get("fence")? })
}

fn find(db: &Connection, id: JobId) -> Result<Option<LeasedJob>> {
    let mut find = db.prepare_cached("SELECT job, fence FROM jobs WHERE id = ?1")?;
    Ok(find.query_row([id], named(leased_from_row)).optional()?)
}

/// Stores a job that has changed, and raises its fence.
fn update(db: &Connection, job: &Job, due_at: Option<Timestamp>) -> Result<()> {
    db.prepare_cached(
        "UPDATE jobs SET status = ?2, due_at = ?3, finished_at = ?4, fence = fence + 1, job = ?5 WHERE id = ?1",
    )?
    .execute(params![job.id, job.status, due_at, job.finished_at, json(job)?])?;
    Ok(())
}

fn put_schedule(db: &Connection, wanted: &Job) -> Result<()> {
    let Some(LeasedJob { job, .. }) = find(db, wanted.id)? else { return insert(db, std::slice::from_ref(wanted)) };
    let changed = job.reschedule(wanted);
    if changed == job {
        return Ok(());
    }
    // A process that runs it keeps its lease.
    let mut store = db.prepare_cached("UPDATE jobs SET due_at = coalesce(?2, due_at), job = ?3 WHERE id = ?1")?;
    store.execute(params![changed.id, changed.due_at(), json(&changed)?])?;
    Ok(())
}

fn begin(db: &Connection, kind: JobKind, most: u32, lease: Duration) -> Result<Vec<LeasedJob>> {
    let now = now();
    let mut due =
        db.prepare_cached("SELECT job, fence FROM jobs WHERE kind = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3")?;
    let due: Vec<LeasedJob> =
        due.query_map(params![kind, now, most], named(leased_from_row))?.collect::<rusqlite::Result<_>>()?;
    let mut begun = Vec::with_capacity(due.len());
    for LeasedJob { job, fence } in due {
        let (job, fence) = (job.begin(now), fence + 1);
        if job.status == JobStatus::Running {
            update(db, &job, Some(now.plus(lease)))?;
            begun.push(LeasedJob { job, fence });
        } else {
            update(db, &job, job.due_at())?;
        }
    }
    Ok(begun)
}

fn extend(db: &Connection, id: JobId, fence: i64, lease: Duration) -> Result<bool> {
    let extended = db
        .prepare_cached("UPDATE jobs SET due_at = ?3 WHERE id = ?1 AND fence = ?2 AND status = ?4")?
        .execute(params![id, fence, now().plus(lease), JobStatus::Running])?;
    Ok(extended == 1)
}

fn end(db: &Connection, id: JobId, fence: i64, outcome: JobOutcome) -> Result<bool> {
    let Some(LeasedJob { job, .. }) = find(db, id)?.filter(|found| found.fence == fence) else { return Ok(false) };
    let ended = job.end(outcome, now());
    update(db, &ended, ended.due_at())?;
    Ok(true)
}

fn list(db: &Connection, filter: &JobFilter, before: Option<JobId>, limit: u32) -> Result<Vec<Job>> {
    let before = before.map_or([u8::MAX; 16], JobId::to_bytes);
    let mut select = db
        .prepare_cached("SELECT job FROM jobs WHERE kind = ?1 AND status = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4")?;
    let mut jobs = Vec::new();
    for (kind, status) in filter.pairs() {
        let found =
            select.query_map(params![kind, status, before, limit], named(|row| Ok(row.get::<Json<Job>>("job")?.0)))?;
        for job in found {
            jobs.push(job?);
        }
    }
    jobs.sort_unstable_by_key(|job| std::cmp::Reverse(job.id));
    jobs.truncate(limit as usize);
    Ok(jobs)
}

/// What people do with a job.
type ByPeople = fn(&Job, Timestamp) -> std::result::Result<Job, Refusal>;

fn change(db: &Connection, id: JobId, stamp: Stamp, decide: ByPeople) -> Result<Job> {
    user::check_admin(db, stamp)?;
    let LeasedJob { job, .. } = find(db, id)?.ok_or(Refusal::NotFound)?;
    let changed = decide(&job, stamp.at)?;
    update(db, &changed, changed.due_at())?;
    Ok(changed)
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn insert_jobs(&self, jobs: &[Job]) -> Result<()> {
        let jobs = jobs.to_vec();
        self.write(move |db| insert(db, &jobs)).await
    }

    async fn put_schedule(&self, job: &Job) -> Result<()> {
        let job = job.clone();
        self.write(move |db| put_schedule(db, &job)).await
    }

    async fn begin_jobs(&self, kind: JobKind, most: u32, lease: Duration) -> Result<Vec<LeasedJob>> {
        // Most of the time nothing is due, and then nothing is written.
        let is_due = move |db: &Connection| {
            let mut find = db.prepare_cached("SELECT 1 FROM jobs WHERE kind = ?1 AND due_at <= ?2 LIMIT 1")?;
            Ok(find.exists(params![kind, now()])?)
        };
        if !self.read(is_due).await? {
            return Ok(Vec::new());
        }
        self.write(move |db| begin(db, kind, most, lease)).await
    }

    async fn extend_job(&self, id: JobId, fence: i64, lease: Duration) -> Result<bool> {
        self.write(move |db| extend(db, id, fence, lease)).await
    }

    async fn end_job(&self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<bool> {
        self.write(move |db| end(db, id, fence, outcome)).await
    }

    async fn jobs(&self, ids: &[JobId]) -> Result<Vec<Option<Job>>> {
        let ids = ids.to_vec();
        self.read(move |db| ids.iter().map(|id| Ok(find(db, *id)?.map(|found| found.job))).collect()).await
    }

    async fn list_jobs(&self, filter: &JobFilter, before: Option<JobId>, limit: u32) -> Result<Vec<Job>> {
        let filter = filter.clone();
        self.read(move |db| list(db, &filter, before, limit)).await
    }

    async fn retry_job(&self, id: JobId, stamp: Stamp) -> Result<Job> {
        self.write(move |db| change(db, id, stamp, Job::retry)).await
    }

    async fn discard_job(&self, id: JobId, stamp: Stamp) -> Result<Job> {
        self.write(move |db| change(db, id, stamp, Job::discard)).await
    }
}
