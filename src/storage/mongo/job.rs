//! Jobs, in the collection `jobs`: `{ _id, kind, status, due_at, finished_at, fence, job: JSON }`. `due_at` is when a job may be
//! begun: the end of the lease if a process runs it; a finished job has none. What is due is found by the server's clock
//! (`$$NOW`), and a change is stored only if `fence` is as it was read.
//!
//! Decision: `docs/decisions/0039-jobs.md`.

use std::time::Duration;

use async_trait::async_trait;
use bson::{Document, RawDocument, RawDocumentBuf, doc};
use futures_util::future::try_join_all;

use super::{
    codec::{read_fields, stored_by_text, stored_ids},
    read::in_request_order,
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{Job, JobId, JobKind, JobOutcome, JobStatus, Refusal, Stamp, Timestamp},
    storage::{JobFilter, JobStore, LeasedJob, Result, StoreError},
};

stored_ids!(JobId);
stored_by_text!(JobKind, JobStatus);

/// A stored job and the server's time when it was read.
struct Found {
    job: Job,
    fence: i64,
    now: Timestamp,
}

fn decode_job(document: &RawDocument) -> Result<Job> {
    read_fields!(document, job: "job");
    let job: String = job.required()?;
    serde_json::from_str(&job).map_err(StoreError::internal)
}

fn decode_leased(document: &RawDocument) -> Result<LeasedJob> {
    read_fields!(document, fence: "fence");
    Ok(LeasedJob { job: decode_job(document)?, fence: fence.required()? })
}

fn decode_found(document: &RawDocument) -> Result<Found> {
    let LeasedJob { job, fence } = decode_leased(document)?;
    read_fields!(document, now: "now");
    Ok(Found { job, fence, now: now.required()? })
}

/// What [`decode_found`] reads.
fn found_fields() -> Document {
    doc! { "job": 1, "fence": 1, "now": "$$NOW" }
}

fn json(job: &Job) -> Result<String> {
    serde_json::to_string(job).map_err(StoreError::internal)
}

/// The fields of a job but its id and fence.
fn fields(job: &Job, due_at: Option<Timestamp>) -> Result<Document> {
    let mut fields = doc! { "kind": job.kind, "status": job.status, "job": json(job)? };
    if let Some(at) = due_at {
        fields.insert("due_at", at);
    }
    if let Some(at) = job.finished_at {
        fields.insert("finished_at", at);
    }
    Ok(fields)
}

/// The documents of new jobs.
pub(super) fn encode(jobs: &[Job]) -> Result<Vec<RawDocumentBuf>> {
    let encode = |job: &Job| {
        let mut document = doc! { "_id": job.id, "fence": 0_i64 };
        document.extend(fields(job, job.due_at())?);
        RawDocumentBuf::try_from(&document).map_err(StoreError::internal)
    };
    jobs.iter().map(encode).collect()
}

/// The update that stores a changed job, and raises its fence.
fn update(job: &Job, due_at: Option<Timestamp>) -> Result<Document> {
    let set = fields(job, due_at)?;
    let mut unset = Document::new();
    for field in ["due_at", "finished_at"] {
        if !set.contains_key(field) {
            unset.insert(field, "");
        }
    }
    let mut update = doc! { "$set": set, "$inc": { "fence": 1_i64 } };
    if !unset.is_empty() {
        update.insert("$unset", unset);
    }
    Ok(update)
}

impl Inner {
    /// Stores a changed job if it still has this fence; returns whether it had.
    async fn store_job(&self, job: &Job, due_at: Option<Timestamp>, fence: i64) -> Result<bool> {
        let unchanged = doc! { "_id": job.id, "fence": fence };
        let update = update(job, due_at)?;
        Ok(self.with_timeout(self.collections.jobs.update_one(unchanged, update)).await?.matched_count == 1)
    }

    /// Deletes jobs that succeeded before `succeeded_before`, or failed or were discarded before `failed_before`.
    pub(super) async fn prune_jobs(&self, failed_before: Timestamp, succeeded_before: Timestamp) -> Result<()> {
        let older = |status: JobStatus, before: Timestamp| doc! { "status": status, "finished_at": { "$lt": before } };
        let old = [
            older(JobStatus::Succeeded, succeeded_before),
            older(JobStatus::Failed, failed_before),
            older(JobStatus::Discarded, failed_before),
        ];
        self.with_timeout(self.collections.jobs.delete_many(doc! { "$or": old.to_vec() })).await?;
        Ok(())
    }

    /// Begins a job that is due, unless another process was faster. `None` if it was, or if the job has failed.
    async fn begin_job(&self, due: Found, lease: Duration) -> Result<Option<LeasedJob>> {
        let Found { job, fence, now } = due;
        let begun = job.begin(now);
        let is_running = begun.status == JobStatus::Running;
        let due_at = if is_running { Some(now.plus(lease)) } else { begun.due_at() };
        let stored = self.store_job(&begun, due_at, fence).await?;
        Ok((stored && is_running).then_some(LeasedJob { job: begun, fence: fence + 1 }))
    }
}

/// What people do with a job.
type ByPeople = fn(&Job, Timestamp) -> std::result::Result<Job, Refusal>;

impl Transaction {
    async fn change_job(&mut self, id: JobId, stamp: Stamp, decide: ByPeople) -> TransactionResult<Job> {
        self.check_admin(stamp).await?;
        let jobs = self.store.collections.jobs.clone();
        let LeasedJob { job, fence } = self.find_one(&jobs, doc! { "_id": id }, decode_leased).await?;
        let changed = decide(&job, stamp.at)?;
        let unchanged = doc! { "_id": id, "fence": fence };
        self.update_each(&jobs, [(unchanged, update(&changed, changed.due_at())?)]).await?;
        Ok(changed)
    }
}

impl MongoStore {
    async fn change_job(&self, id: JobId, stamp: Stamp, decide: ByPeople) -> Result<Job> {
        self.0.transaction(move |transaction| Box::pin(transaction.change_job(id, stamp, decide))).await
    }
}

#[async_trait]
impl JobStore for MongoStore {
    async fn insert_jobs(&self, jobs: &[Job]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        self.0.with_timeout(self.0.collections.jobs.insert_many(encode(jobs)?)).await?;
        Ok(())
    }

    async fn put_schedule(&self, wanted: &Job) -> Result<()> {
        let jobs = &self.0.collections.jobs;
        let mut new = fields(wanted, wanted.due_at())?;
        new.insert("fence", 0_i64);
        let insert = jobs.update_one(doc! { "_id": wanted.id }, doc! { "$setOnInsert": new }).upsert(true);
        if self.0.with_timeout(insert).await?.upserted_id.is_some() {
            return Ok(());
        }
        loop {
            let find = jobs.find(doc! { "_id": wanted.id }).projection(found_fields()).batch_size(2);
            let Some(Found { job, fence, .. }) = self.0.find_rows(find, decode_found).await?.pop() else {
                return Ok(());
            };
            let changed = job.reschedule(wanted);
            if changed == job {
                return Ok(());
            }
            // A process that runs it keeps its lease.
            let mut set = doc! { "job": json(&changed)? };
            if let Some(at) = changed.due_at() {
                set.insert("due_at", at);
            }
            let unchanged = doc! { "_id": wanted.id, "fence": fence };
            if self.0.with_timeout(jobs.update_one(unchanged, doc! { "$set": set })).await?.matched_count == 1 {
                return Ok(());
            }
        }
    }

    async fn begin_jobs(&self, kind: JobKind, most: u32, lease: Duration) -> Result<Vec<LeasedJob>> {
        let is_due = doc! {
            "kind": kind, "due_at": { "$exists": true }, "$expr": { "$lte": ["$due_at", "$$NOW"] },
        };
        let find = self.0.collections.jobs.find(is_due).sort(doc! { "due_at": 1 }).projection(found_fields());
        let due = self.0.find_rows(find.limit(most.into()).batch_size(most.saturating_add(1)), decode_found).await?;
        let begun = try_join_all(due.into_iter().map(|due| self.0.begin_job(due, lease))).await?;
        Ok(begun.into_iter().flatten().collect())
    }

    async fn extend_job(&self, id: JobId, fence: i64, lease: Duration) -> Result<bool> {
        let lease = i64::try_from(lease.as_millis()).map_err(StoreError::internal)?;
        let held = doc! { "_id": id, "fence": fence, "status": JobStatus::Running };
        let set = vec![doc! { "$set": { "due_at": { "$add": ["$$NOW", lease] } } }];
        Ok(self.0.with_timeout(self.0.collections.jobs.update_one(held, set)).await?.matched_count == 1)
    }

    async fn end_job(&self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<bool> {
        let find = self.0.collections.jobs.find(doc! { "_id": id, "fence": fence }).projection(found_fields());
        let Some(Found { job, now, .. }) = self.0.find_rows(find.batch_size(2), decode_found).await?.pop() else {
            return Ok(false);
        };
        let ended = job.end(outcome, now);
        self.0.store_job(&ended, ended.due_at(), fence).await
    }

    async fn jobs(&self, ids: &[JobId]) -> Result<Vec<Option<Job>>> {
        let found = self.0.find_by(&self.0.collections.jobs, "_id", ids.iter().copied(), doc! {}, decode_job).await?;
        Ok(in_request_order(ids, found, |job| Some(job.id)))
    }

    async fn list_jobs(&self, filter: &JobFilter, before: Option<JobId>, limit: u32) -> Result<Vec<Job>> {
        let lists = filter.pairs().map(|(kind, status)| {
            let mut wanted = doc! { "kind": kind, "status": status };
            if let Some(before) = before {
                wanted.insert("_id", doc! { "$lt": before });
            }
            let find = self.0.collections.jobs.find(wanted).sort(doc! { "_id": -1 }).limit(limit.into());
            self.0.find_rows(find.batch_size(limit.saturating_add(1)), decode_job)
        });
        let mut jobs = try_join_all(lists).await?.concat();
        jobs.sort_unstable_by_key(|job| std::cmp::Reverse(job.id));
        jobs.truncate(limit as usize);
        Ok(jobs)
    }

    async fn retry_job(&self, id: JobId, stamp: Stamp) -> Result<Job> {
        self.change_job(id, stamp, Job::retry).await
    }

    async fn discard_job(&self, id: JobId, stamp: Stamp) -> Result<Job> {
        self.change_job(id, stamp, Job::discard).await
    }
}
