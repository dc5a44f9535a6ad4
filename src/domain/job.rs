//! Jobs: work that is done after a change that asks for it, or again and again, by whichever node has time.
//!
//! Decision: `docs/decisions/0039-jobs.md`.

mod status;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{JobId, Refusal, Timestamp};
pub use status::{JobKind, JobStatus};

/// Why a job failed whose process ended, or lost its lease, during the last attempt.
const ABANDONED: &str = "the process that ran it has ended";

/// A piece of work. Times are those of the database's clock; of a change by people, that of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id; newer jobs have larger ones.
    pub id: JobId,
    /// What kind of work it is.
    pub kind: JobKind,
    /// What to do, as the code of its kind reads it.
    pub payload: String,
    /// When it is done, it is to be done again after this many milliseconds; `None` for once.
    #[serde(default)]
    pub every_ms: Option<u64>,
    /// How far it is.
    pub status: JobStatus,
    /// Attempts that were begun, since the last success of a job that is done again and again.
    pub attempts: u32,
    /// Attempts after which it has failed. A job that is done again and again waits for its next turn then.
    pub max_attempts: u32,
    /// When it is to be run, or was begun.
    pub run_at: Timestamp,
    /// Why the last attempt failed.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it succeeded, failed or was discarded.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It is done.
    Succeeded,
    /// It is not, and may be tried again.
    Failed {
        /// Why, for people.
        error: String,
        /// How long to wait before the next attempt.
        retry_in: Duration,
    },
    /// The process stops. The attempt does not count.
    Interrupted,
}

impl Job {
    /// A job that is to be done once, as soon as possible.
    pub fn once(kind: JobKind, payload: String, max_attempts: u32, at: Timestamp) -> Self {
        Self {
            id: JobId::generate(at),
            kind,
            payload,
            every_ms: None,
            status: JobStatus::Waiting,
            attempts: 0,
            max_attempts,
            run_at: at,
            last_error: None,
            created_at: at,
            finished_at: None,
        }
    }

    /// The one job of its kind in a deployment that is done again and again, for the first time after `first_in`.
    pub fn schedule(kind: JobKind, every: Duration, first_in: Duration, max_attempts: u32, at: Timestamp) -> Self {
        let id = JobId::derived(Timestamp::from_unix_millis(0), "schedule", kind.as_str());
        let every_ms = u64::try_from(every.as_millis()).ok();
        Self { id, every_ms, run_at: at.plus(first_in), ..Self::once(kind, String::new(), max_attempts, at) }
    }

    /// The job when its time has come: an attempt begins, or it has failed because the process of the last attempt has ended.
    pub fn begin(&self, now: Timestamp) -> Self {
        let was_abandoned = self.status == JobStatus::Running;
        let last_error = if was_abandoned { Some(ABANDONED.to_owned()) } else { self.last_error.clone() };
        let job = Self { last_error, ..self.clone() };
        if was_abandoned && job.attempts >= job.max_attempts {
            return job.give_up(now);
        }
        Self { status: JobStatus::Running, attempts: job.attempts.saturating_add(1), run_at: now, ..job }
    }

    /// The job after an attempt.
    pub fn end(&self, outcome: JobOutcome, now: Timestamp) -> Self {
        let job = self.clone();
        match outcome {
            JobOutcome::Succeeded => match job.every() {
                Some(every) => {
                    Self { status: JobStatus::Waiting, attempts: 0, last_error: None, run_at: now.plus(every), ..job }
                }
                None => Self { status: JobStatus::Succeeded, last_error: None, finished_at: Some(now), ..job },
            },
            JobOutcome::Failed { error, retry_in } => {
                let job = Self { last_error: Some(error), ..job };
                if job.attempts >= job.max_attempts {
                    return job.give_up(now);
                }
                Self { status: JobStatus::Waiting, run_at: now.plus(retry_in), ..job }
            }
            JobOutcome::Interrupted => {
                Self { status: JobStatus::Waiting, attempts: job.attempts.saturating_sub(1), run_at: now, ..job }
            }
        }
    }

    fn give_up(self, now: Timestamp) -> Self {
        match self.every() {
            Some(every) => Self { status: JobStatus::Waiting, attempts: 0, run_at: now.plus(every), ..self },
            None => Self { status: JobStatus::Failed, finished_at: Some(now), ..self },
        }
    }

    /// When it may be begun; `None` if a process runs it, whose lease decides, or if it is finished.
    pub fn due_at(&self) -> Option<Timestamp> {
        (self.status == JobStatus::Waiting).then_some(self.run_at)
    }

    fn every(&self) -> Option<Duration> {
        self.every_ms.map(Duration::from_millis)
    }

    /// The job when somebody wants it to be tried at once, with as many attempts as at first.
    pub fn retry(&self, now: Timestamp) -> Result<Self, Refusal> {
        match self.status {
            JobStatus::Waiting | JobStatus::Failed | JobStatus::Discarded => {
                let again =
                    Self { status: JobStatus::Waiting, attempts: 0, run_at: now, finished_at: None, ..self.clone() };
                Ok(again)
            }
            JobStatus::Running | JobStatus::Succeeded => Err(Refusal::JobIs(self.status)),
        }
    }

    /// The job when somebody decides that it need not be done.
    pub fn discard(&self, now: Timestamp) -> Result<Self, Refusal> {
        if self.every_ms.is_some() {
            return Err(Refusal::JobHasSchedule);
        }
        match self.status {
            JobStatus::Waiting | JobStatus::Failed => {
                Ok(Self { status: JobStatus::Discarded, finished_at: Some(now), ..self.clone() })
            }
            JobStatus::Running | JobStatus::Succeeded | JobStatus::Discarded => Err(Refusal::JobIs(self.status)),
        }
    }

    /// The stored schedule of the kind after a start with this one: it keeps its turn, unless that would be later than with the
    /// new interval.
    pub fn reschedule(&self, wanted: &Self) -> Self {
        let Some(every) = wanted.every().filter(|_| self.every_ms != wanted.every_ms) else { return self.clone() };
        let latest = wanted.created_at.plus(every);
        let run_at = if self.status == JobStatus::Waiting { self.run_at.min(latest) } else { self.run_at };
        Self { every_ms: wanted.every_ms, max_attempts: wanted.max_attempts, run_at, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn failed(error: &str) -> JobOutcome {
        JobOutcome::Failed { error: error.to_owned(), retry_in: Duration::from_millis(5) }
    }

    #[test]
    fn a_job_is_tried_as_often_as_it_may_be() {
        let job = Job::once(JobKind::Prune, "{}".to_owned(), 2, at(1));
        let begun = job.begin(at(2));
        assert_eq!(begun, Job { status: JobStatus::Running, attempts: 1, run_at: at(2), ..job.clone() });
        let waiting = begun.end(failed("first"), at(3));
        let error = Some("first".to_owned());
        assert_eq!(
            waiting,
            Job { status: JobStatus::Waiting, attempts: 1, run_at: at(8), last_error: error, ..job.clone() }
        );
        let last = waiting.begin(at(8)).end(failed("second"), at(9));
        assert_eq!((last.status, last.attempts, last.finished_at), (JobStatus::Failed, 2, Some(at(9))));
        assert_eq!(last.last_error.as_deref(), Some("second"));
        let done = waiting.begin(at(8)).end(JobOutcome::Succeeded, at(9));
        assert_eq!((done.status, done.last_error.clone(), done.finished_at), (JobStatus::Succeeded, None, Some(at(9))));
        let interrupted = waiting.begin(at(8)).end(JobOutcome::Interrupted, at(9));
        assert_eq!(interrupted, Job { run_at: at(9), ..waiting });
    }

    #[test]
    fn an_abandoned_attempt_counts() {
        let job = Job::once(JobKind::Prune, String::new(), 2, at(1));
        let again = job.begin(at(2)).begin(at(3));
        assert_eq!(
            (again.status, again.attempts, again.last_error.as_deref()),
            (JobStatus::Running, 2, Some(ABANDONED))
        );
        let failed = again.begin(at(4));
        assert_eq!((failed.status, failed.attempts, failed.finished_at), (JobStatus::Failed, 2, Some(at(4))));
    }

    #[test]
    fn a_schedule_goes_on_after_success_and_failure() {
        let every = Duration::from_millis(100);
        let job = Job::schedule(JobKind::Prune, every, Duration::from_millis(7), 1, at(0));
        assert_eq!(job.run_at, at(7));
        let done = job.begin(at(8)).end(JobOutcome::Succeeded, at(9));
        assert_eq!((done.status, done.attempts, done.run_at, done.finished_at), (JobStatus::Waiting, 0, at(109), None));
        let failed = job.begin(at(8)).end(failed("no"), at(9));
        assert_eq!((failed.status, failed.attempts, failed.run_at), (JobStatus::Waiting, 0, at(109)));
        assert_eq!(failed.last_error.as_deref(), Some("no"));
        let sooner = Job::schedule(JobKind::Prune, Duration::from_millis(10), Duration::ZERO, 1, at(20));
        assert_eq!(sooner.id, job.id);
        assert_eq!(done.reschedule(&sooner).run_at, at(30));
        assert_eq!(done.reschedule(&job), done);
        assert_eq!(done.discard(at(1)), Err(Refusal::JobHasSchedule));
    }

    #[test]
    fn people_retry_what_failed_and_discard_what_waits() {
        let waiting = Job::once(JobKind::Prune, String::new(), 1, at(1));
        let running = waiting.begin(at(2));
        let [failed, done] = [failed("no"), JobOutcome::Succeeded].map(|outcome| running.end(outcome, at(3)));
        let discarded = waiting.discard(at(4)).unwrap();
        assert_eq!((discarded.status, discarded.finished_at), (JobStatus::Discarded, Some(at(4))));
        assert_eq!(failed.discard(at(4)).unwrap().status, JobStatus::Discarded);
        for job in [&failed, &discarded, &waiting] {
            let again = job.retry(at(5)).unwrap();
            assert_eq!(
                (again.status, again.attempts, again.run_at, again.finished_at),
                (JobStatus::Waiting, 0, at(5), None)
            );
        }
        for job in [&running, &done] {
            assert_eq!(job.retry(at(5)), Err(Refusal::JobIs(job.status)));
            assert_eq!(job.discard(at(5)), Err(Refusal::JobIs(job.status)));
        }
        assert_eq!(discarded.discard(at(5)), Err(Refusal::JobIs(JobStatus::Discarded)));
    }
}
