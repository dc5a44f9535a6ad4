//! Jobs: when they are due, leases, fences, outcomes, and what people do with them.

use std::time::Duration;

use orderwire::{
    domain::*,
    storage::{JobFilter, LeasedJob, Store},
};

use super::engine::{Db, refusal};
use crate::support::{
    data::{by_system, session, user},
    wait_until,
};

const KIND: JobKind = JobKind::Prune;
const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

fn payload(text: &str) -> String {
    format!("{{\"{text}\": \"with a $sign\"}}")
}

/// A job whose time comes so much after the time of the database.
async fn job_after(db: &Db, text: &str, wait: Duration) -> Job {
    let now = db.ping().await.unwrap();
    Job { run_at: now.plus(wait), ..Job::once(KIND, payload(text), 2, now) }
}

async fn add(db: &Db, text: &str) -> Job {
    let job = job_after(db, text, Duration::ZERO).await;
    db.insert_jobs(std::slice::from_ref(&job)).await.unwrap();
    job
}

async fn stored(store: &dyn Store, id: JobId) -> Job {
    store.jobs(&[id]).await.unwrap().pop().unwrap().unwrap()
}

/// Begins the one job that is due.
async fn begin(store: &dyn Store, lease: Duration) -> LeasedJob {
    let mut begun = Vec::new();
    wait_until("a job is due", MINUTE, async || {
        begun = store.begin_jobs(KIND, 9, lease).await.unwrap();
        !begun.is_empty()
    })
    .await;
    assert_eq!(begun.len(), 1);
    begun.remove(0)
}

fn filter(statuses: &[JobStatus]) -> JobFilter {
    JobFilter { kinds: JobKind::ALL.to_vec(), statuses: statuses.to_vec() }
}

pub async fn a_job_is_stored_and_listed_whole(db: &Db) {
    let mut jobs = Vec::new();
    for number in 0..3 {
        jobs.push(Job { id: JobId::from(ulid::Ulid(number)), ..job_after(db, "wait", MINUTE).await });
    }
    db.insert_jobs(&[]).await.unwrap();
    db.insert_jobs(&jobs).await.unwrap();
    let ids = [jobs[2].id, JobId::generate(jobs[0].run_at), jobs[0].id];
    assert_eq!(db.jobs(&ids).await.unwrap(), [Some(jobs[2].clone()), None, Some(jobs[0].clone())]);
    let newest_first = [jobs[2].clone(), jobs[1].clone(), jobs[0].clone()];
    let waiting = filter(&[JobStatus::Waiting]);
    assert_eq!(db.list_jobs(&waiting, None, 9).await.unwrap(), newest_first);
    assert_eq!(db.list_jobs(&waiting, None, 2).await.unwrap(), newest_first[..2]);
    assert_eq!(db.list_jobs(&waiting, Some(jobs[1].id), 9).await.unwrap(), newest_first[2..]);
    assert_eq!(db.list_jobs(&filter(&[JobStatus::Failed]), None, 9).await.unwrap(), []);
    assert_eq!(db.list_jobs(&filter(&[]), None, 9).await.unwrap(), []);
    let discarded = db.discard_job(jobs[1].id, by_system(5)).await.unwrap();
    assert_eq!(discarded, jobs[1].discard(by_system(5).at).unwrap());
    let both = filter(&[JobStatus::Discarded, JobStatus::Waiting]);
    assert_eq!(db.list_jobs(&both, None, 2).await.unwrap(), [jobs[2].clone(), discarded.clone()]);
    assert_eq!(db.list_jobs(&filter(&[JobStatus::Discarded]), None, 2).await.unwrap(), [discarded]);
}

pub async fn jobs_are_begun_when_they_are_due_the_oldest_first(db: &Db) {
    let later = job_after(db, "later", MINUTE).await;
    let second = job_after(db, "second", Duration::ZERO).await;
    let first = Job { run_at: second.run_at.minus(MINUTE), ..job_after(db, "first", Duration::ZERO).await };
    db.insert_jobs(&[later.clone(), second.clone(), first.clone()]).await.unwrap();
    for expected in [first, second] {
        let begun = db.begin_jobs(KIND, 1, MINUTE).await.unwrap();
        let [LeasedJob { job, fence: 1 }] = begun.as_slice() else { panic!("{begun:?}") };
        assert_eq!(*job, expected.begin(job.run_at));
        assert_eq!(stored(db.store(), job.id).await, *job);
    }
    assert_eq!(db.begin_jobs(KIND, 9, MINUTE).await.unwrap(), []);
    assert_eq!(stored(db.store(), later.id).await, later);
}

pub async fn one_process_has_a_job_until_its_lease_ends(db: &Db) {
    let added = add(db, "work").await;
    let other = db.other_node().await;
    let LeasedJob { job, fence } = begin(db.store(), SHORT).await;
    assert_eq!(fence, 1);
    let again = begin(&*other, MINUTE).await;
    assert_eq!(again, LeasedJob { job: job.begin(again.job.run_at), fence: 2 });
    assert_eq!((again.job.attempts, again.job.id), (2, added.id));
    assert!(!db.end_job(added.id, 1, JobOutcome::Succeeded).await.unwrap(), "it lost the lease");
    assert!(!db.extend_job(added.id, 1, MINUTE).await.unwrap());
    assert_eq!(stored(db.store(), added.id).await, again.job);
    assert!(other.extend_job(added.id, 2, SHORT).await.unwrap());
    // The last attempt was abandoned, too.
    wait_until("it has failed", MINUTE, async || {
        assert_eq!(db.begin_jobs(KIND, 9, MINUTE).await.unwrap(), []);
        stored(db.store(), added.id).await.status == JobStatus::Failed
    })
    .await;
    let failed = stored(db.store(), added.id).await;
    assert_eq!(failed, again.job.begin(failed.finished_at.unwrap()));
    other.close().await;
}

pub async fn an_extended_lease_lasts(db: &Db) {
    let added = add(db, "work").await;
    let LeasedJob { fence, .. } = begin(db.store(), MINUTE).await;
    assert!(db.extend_job(added.id, fence, 2 * MINUTE).await.unwrap());
    assert_eq!(db.begin_jobs(KIND, 9, MINUTE).await.unwrap(), []);
    assert!(db.end_job(added.id, fence, JobOutcome::Succeeded).await.unwrap());
    assert!(!db.extend_job(added.id, fence, MINUTE).await.unwrap(), "it has ended");
}

pub async fn an_attempt_ends_as_it_went(db: &Db) {
    let refused = |retry_in| JobOutcome::Failed { error: "$refused".to_owned(), retry_in };
    for (text, outcome) in [
        ("done", JobOutcome::Succeeded),
        ("refused", refused(Duration::from_secs(3600))),
        ("interrupted", JobOutcome::Interrupted),
    ] {
        let added = add(db, text).await;
        let LeasedJob { job, fence } = begin(db.store(), MINUTE).await;
        assert!(db.end_job(added.id, fence, outcome.clone()).await.unwrap());
        assert!(!db.end_job(added.id, fence, JobOutcome::Succeeded).await.unwrap(), "it has ended");
        let ended = stored(db.store(), added.id).await;
        let now = ended.finished_at.unwrap_or(job.run_at.plus(job.run_at.until(ended.run_at)));
        let now = if matches!(outcome, JobOutcome::Failed { .. }) { now.minus(Duration::from_secs(3600)) } else { now };
        assert!(now >= job.run_at && now <= db.ping().await.unwrap());
        assert_eq!(ended, job.end(outcome, now));
        if ended.status == JobStatus::Waiting {
            db.discard_job(added.id, by_system(1)).await.unwrap();
        }
    }
}

pub async fn a_schedule_is_put_once_and_runs_again_and_again(db: &Db) {
    let other = db.other_node().await;
    let at = db.ping().await.unwrap();
    let put = |every| Job::schedule(KIND, every, Duration::ZERO, 3, at);
    let hour = Duration::from_secs(3600);
    let hourly = put(hour);
    tokio::try_join!(db.put_schedule(&hourly), other.put_schedule(&hourly)).unwrap();
    assert_eq!(db.list_jobs(&filter(&JobStatus::ALL), None, 9).await.unwrap(), [put(hour)]);
    let LeasedJob { job, fence } = begin(db.store(), MINUTE).await;
    assert_eq!(other.begin_jobs(KIND, 9, MINUTE).await.unwrap(), []);
    // A new interval, while it runs, leaves the process its lease.
    let day = 24 * hour;
    db.put_schedule(&put(day)).await.unwrap();
    assert_eq!(stored(db.store(), job.id).await, job.reschedule(&put(day)));
    assert_eq!(other.begin_jobs(KIND, 9, MINUTE).await.unwrap(), []);
    assert!(db.end_job(job.id, fence, JobOutcome::Succeeded).await.unwrap());
    let waiting = stored(db.store(), job.id).await;
    assert_eq!((waiting.status, waiting.attempts), (JobStatus::Waiting, 0));
    assert!(waiting.run_at >= job.run_at.plus(day));
    other.put_schedule(&put(MINUTE)).await.unwrap();
    assert_eq!(stored(db.store(), job.id).await, waiting.reschedule(&put(MINUTE)));
    other.close().await;
}

pub async fn processes_that_begin_jobs_at_once_share_none(db: &Db) {
    let now = db.ping().await.unwrap();
    let jobs: Vec<Job> = (0..40).map(|number| Job::once(KIND, payload(&number.to_string()), 1, now)).collect();
    db.insert_jobs(&jobs).await.unwrap();
    let other = db.other_node().await;
    let mut begun = Vec::new();
    while begun.len() < jobs.len() {
        let (one, two) = tokio::try_join!(db.begin_jobs(KIND, 7, MINUTE), other.begin_jobs(KIND, 7, MINUTE)).unwrap();
        assert!(one.len() <= 7 && two.len() <= 7);
        begun.extend(one.into_iter().chain(two).map(|leased| leased.job.id));
    }
    begun.sort_unstable();
    let mut expected: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    expected.sort_unstable();
    assert_eq!(begun, expected);
    other.close().await;
}

pub async fn only_admins_retry_and_discard_jobs(db: &Db) {
    let stamp_of = async |name: &str, role: UserRole, number: u8| {
        let person = User { role, ..user(name) };
        db.insert_user(&person, None).await.unwrap();
        let session = session(&person, number);
        db.insert_session(&session, None).await.unwrap();
        Stamp { actor: Some(person.id), permission: Permission::Staff(session.id), at: by_system(9).at }
    };
    let admin = stamp_of("admin", UserRole::Admin, 1).await;
    let staff = stamp_of("staff", UserRole::Staff, 2).await;
    let added = add(db, "work").await;
    assert_eq!(refusal(db.retry_job(added.id, staff).await), Refusal::RightLost);
    assert_eq!(refusal(db.discard_job(added.id, staff).await), Refusal::RightLost);
    assert_eq!(stored(db.store(), added.id).await, added);
    let none = JobId::generate(added.run_at);
    assert_eq!(refusal(db.retry_job(none, admin).await), Refusal::NotFound);
    assert_eq!(refusal(db.discard_job(none, admin).await), Refusal::NotFound);
    let discarded = db.discard_job(added.id, admin).await.unwrap();
    assert_eq!(discarded, added.discard(admin.at).unwrap());
    assert_eq!(refusal(db.discard_job(added.id, admin).await), Refusal::JobIs(JobStatus::Discarded));
    let again = db.retry_job(added.id, admin).await.unwrap();
    assert_eq!((again.clone(), stored(db.store(), added.id).await), (discarded.retry(admin.at).unwrap(), again));
    let LeasedJob { fence, .. } = begin(db.store(), MINUTE).await;
    assert_eq!(refusal(db.discard_job(added.id, admin).await), Refusal::JobIs(JobStatus::Running));
    assert!(db.end_job(added.id, fence, JobOutcome::Succeeded).await.unwrap());
}

pub async fn pruning_deletes_jobs_that_ended_long_ago(db: &Db) {
    let mut ended = Vec::new();
    for (text, outcome) in [
        ("done", JobOutcome::Succeeded),
        ("refused", JobOutcome::Failed { error: "no".to_owned(), retry_in: Duration::ZERO }),
    ] {
        let job = Job { max_attempts: 1, ..job_after(db, text, Duration::ZERO).await };
        db.insert_jobs(std::slice::from_ref(&job)).await.unwrap();
        let LeasedJob { fence, .. } = begin(db.store(), MINUTE).await;
        db.end_job(job.id, fence, outcome).await.unwrap();
        ended.push(stored(db.store(), job.id).await);
    }
    let waiting = add(db, "wait").await;
    let ids = [ended[0].id, ended[1].id, waiting.id];
    let left =
        async || db.jobs(&ids).await.unwrap().iter().flatten().map(|job| job.payload.clone()).collect::<Vec<_>>();
    let now = db.ping().await.unwrap();
    let (long_ago, later) = (now.minus(MINUTE), now.plus(MINUTE));
    db.prune(now, long_ago, long_ago).await.unwrap();
    assert_eq!(left().await, [payload("done"), payload("refused"), payload("wait")]);
    db.prune(now, long_ago, later).await.unwrap();
    assert_eq!(left().await, [payload("refused"), payload("wait")]);
    db.prune(now, later, later).await.unwrap();
    assert_eq!(left().await, [payload("wait")]);
}
