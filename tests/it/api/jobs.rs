//! Jobs as processes do them: at least once, by one process at a time, tried again, and seen and changed by admins.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use orderwire::{
    domain::{Job, JobId, JobKind, JobStatus, UserRole, Viewer},
    service::jobs::{JobRunner, RunnerOptions, Schedule, Work},
};
use parking_lot::Mutex;
use serde_json::json;

use crate::support::{api::TestApi, wait_until};

on_each_engine! {
    jobs_are_done_once_by_processes_side_by_side
    a_job_that_fails_is_tried_again_until_it_has_failed_as_often_as_it_may
    a_job_of_a_process_that_crashes_is_done_by_another
    a_job_that_is_interrupted_by_the_end_of_its_process_loses_no_attempt
    a_job_that_takes_too_long_is_given_up
    a_schedule_is_kept_by_several_processes_together
    admins_see_retry_and_discard_jobs
}

const SOON: Duration = Duration::from_secs(30);
const KIND: JobKind = JobKind::Prune;

/// Records what it does; fails or hangs while it is told to.
#[derive(Default)]
struct Record {
    done: Mutex<Vec<JobId>>,
    attempts: AtomicUsize,
    fails: AtomicBool,
    hangs: AtomicBool,
    longest: Option<Duration>,
    schedule: Option<Schedule>,
}

#[async_trait]
impl Work for Record {
    fn kind(&self) -> JobKind {
        KIND
    }
    fn at_once(&self) -> u32 {
        4
    }
    fn longest(&self) -> Duration {
        self.longest.unwrap_or(SOON)
    }
    fn schedule(&self) -> Option<Schedule> {
        self.schedule
    }
    async fn run(&self, job: &Job) -> Result<(), String> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        while self.hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err("out of order".to_owned());
        }
        self.done.lock().push(job.id);
        Ok(())
    }
}

fn runner(api: &TestApi, work: &Arc<Record>) -> JobRunner {
    let options = RunnerOptions { lease: Duration::from_secs(4), poll_every: Duration::from_millis(50) };
    JobRunner::start(api.service.clone(), vec![work.clone()], options)
}

async fn add(api: &TestApi, count: usize, max_attempts: u32) -> Vec<JobId> {
    let now = api.store.ping().await.unwrap();
    let jobs: Vec<Job> = (0..count).map(|_| Job::once(KIND, String::new(), max_attempts, now)).collect();
    api.store.insert_jobs(&jobs).await.unwrap();
    jobs.iter().map(|job| job.id).collect()
}

async fn job(api: &TestApi, id: JobId) -> Job {
    api.store.jobs(&[id]).await.unwrap().pop().unwrap().unwrap()
}

async fn wait_for(api: &TestApi, id: JobId, status: JobStatus) -> Job {
    wait_until("the job's status", SOON, async || job(api, id).await.status == status).await;
    job(api, id).await
}

async fn jobs_are_done_once_by_processes_side_by_side(api: TestApi) {
    let works = [Arc::new(Record::default()), Arc::new(Record::default())];
    let mut ids = add(&api, 30, 1).await;
    let runners = works.each_ref().map(|work| runner(&api, work));
    for id in &ids {
        wait_for(&api, *id, JobStatus::Succeeded).await;
    }
    let mut done = works.iter().flat_map(|work| work.done.lock().clone()).collect::<Vec<_>>();
    done.sort_unstable();
    ids.sort_unstable();
    assert_eq!(done, ids);
    for runner in runners {
        runner.stop().await;
    }
}

async fn a_job_that_fails_is_tried_again_until_it_has_failed_as_often_as_it_may(api: TestApi) {
    let work = Arc::new(Record { fails: true.into(), ..Record::default() });
    let [id] = add(&api, 1, 2).await[..] else { panic!("one job") };
    let runner = runner(&api, &work);
    let failed = wait_for(&api, id, JobStatus::Failed).await;
    assert_eq!((failed.attempts, failed.last_error.as_deref()), (2, Some("out of order")));
    assert_eq!(work.attempts.load(Ordering::Relaxed), 2);
    work.fails.store(false, Ordering::Relaxed);
    api.service.retry_job(&Viewer::System, id).await.unwrap();
    let done = wait_for(&api, id, JobStatus::Succeeded).await;
    assert_eq!((done.attempts, done.last_error), (1, None));
    runner.stop().await;
}

async fn a_job_of_a_process_that_crashes_is_done_by_another(api: TestApi) {
    let crashing = Arc::new(Record { hangs: true.into(), ..Record::default() });
    let [id] = add(&api, 1, 3).await[..] else { panic!("one job") };
    let process = runner(&api, &crashing);
    wait_for(&api, id, JobStatus::Running).await;
    drop(process);
    let work = Arc::new(Record::default());
    let other = runner(&api, &work);
    let done = wait_for(&api, id, JobStatus::Succeeded).await;
    assert_eq!((done.attempts, work.done.lock().clone()), (2, vec![id]));
    other.stop().await;
}

async fn a_job_that_is_interrupted_by_the_end_of_its_process_loses_no_attempt(api: TestApi) {
    let work = Arc::new(Record { hangs: true.into(), ..Record::default() });
    let [id] = add(&api, 1, 1).await[..] else { panic!("one job") };
    let process = runner(&api, &work);
    wait_for(&api, id, JobStatus::Running).await;
    process.stop().await;
    let waiting = job(&api, id).await;
    assert_eq!((waiting.status, waiting.attempts), (JobStatus::Waiting, 0));
}

async fn a_job_that_takes_too_long_is_given_up(api: TestApi) {
    // Longer than the lease, so that it has to be extended.
    let longest = Some(Duration::from_secs(5));
    let work = Arc::new(Record { hangs: true.into(), longest, ..Record::default() });
    let [id] = add(&api, 1, 1).await[..] else { panic!("one job") };
    let process = runner(&api, &work);
    let failed = wait_for(&api, id, JobStatus::Failed).await;
    assert_eq!((failed.attempts, failed.last_error.as_deref()), (1, Some("it took longer than 5 s")));
    assert_eq!(work.attempts.load(Ordering::Relaxed), 1);
    process.stop().await;
}

async fn a_schedule_is_kept_by_several_processes_together(api: TestApi) {
    let every = Duration::from_millis(200);
    let schedule = Some(Schedule { every, first_within: Duration::ZERO, max_attempts: 1 });
    let work = Arc::new(Record { schedule, ..Record::default() });
    let began = api.store.ping().await.unwrap();
    let runners = [(); 3].map(|()| runner(&api, &work));
    wait_until("some turns", SOON, async || work.done.lock().len() >= 4).await;
    for runner in runners {
        runner.stop().await;
    }
    let turns = work.done.lock().len() as u32;
    let took = began.until(api.store.ping().await.unwrap());
    assert!(every * (turns - 1) <= took, "{turns} turns in {took:?}");
    let (jobs, _) = api.service.jobs(&Viewer::System, None, None, None, 9).await.unwrap();
    assert_eq!(jobs.len(), 1);
}

async fn admins_see_retry_and_discard_jobs(api: TestApi) {
    let ids = add(&api, 3, 1).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let list = "query ($first: Int, $after: String, $filter: JobFilter) { jobs(first: $first, after: $after, filter: $filter) {
        nodes { id kind status attempts maxAttempts lastError finishedAt } pageInfo { hasNextPage endCursor } } }";
    let first = api.data(admin, list, json!({ "first": 2 })).await;
    let nodes = first["jobs"]["nodes"].as_array().unwrap();
    let mut newest_first = ids.clone();
    newest_first.sort_unstable();
    newest_first.reverse();
    assert_eq!(nodes[0]["id"], json!(newest_first[0].to_string()));
    assert_eq!(
        nodes[1],
        json!({
            "id": newest_first[1].to_string(), "kind": "prune", "status": "WAITING", "attempts": 0, "maxAttempts": 1,
            "lastError": null, "finishedAt": null,
        })
    );
    let page = &first["jobs"]["pageInfo"];
    assert_eq!(page["hasNextPage"], json!(true));
    let rest = api.data(admin, list, json!({ "first": 2, "after": page["endCursor"] })).await;
    assert_eq!(rest["jobs"]["nodes"].as_array().unwrap().len(), 1);

    let discard =
        "mutation ($id: ID!) { discardJob(input: { id: $id }) { job { status } userErrors { code message } } }";
    let discarded = api.data(admin, discard, json!({ "id": ids[0] })).await;
    assert_eq!(discarded["discardJob"], json!({ "job": { "status": "DISCARDED" }, "userErrors": [] }));
    let again = api.data(admin, discard, json!({ "id": ids[0] })).await;
    assert_eq!(again["discardJob"]["userErrors"][0]["code"], json!("INVALID_TRANSITION"));
    let filter = json!({ "filter": { "status": ["DISCARDED"], "kinds": ["prune"] } });
    let found = api.data(admin, list, filter).await;
    assert_eq!(found["jobs"]["nodes"].as_array().unwrap().len(), 1);
    let retry = "mutation ($id: ID!) { retryJob(input: { id: $id }) { job { status attempts } userErrors { code } } }";
    let retried = api.data(admin, retry, json!({ "id": ids[0] })).await;
    assert_eq!(retried["retryJob"], json!({ "job": { "status": "WAITING", "attempts": 0 }, "userErrors": [] }));
    let node = "query ($id: ID!) { node(id: $id) { id ... on Job { kind } } }";
    let found = api.data(admin, node, json!({ "id": ids[0] })).await;
    assert_eq!(found["node"], json!({ "id": ids[0].to_string(), "kind": "prune" }));
    let staff = api.viewer("staff", UserRole::Staff).await;
    assert_eq!(api.data(staff, node, json!({ "id": ids[0] })).await["node"], json!(null));
}
