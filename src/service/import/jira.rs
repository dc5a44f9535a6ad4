//! Imports issues of a Jira project, from the GitBugs data sets, as tasks.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use csv::ByteRecord;
use jiff::{civil, tz::TimeZone};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    Counts, ImportError, ImportSource, Progress, RejectCounts, Stage,
    error::broken_off,
    records::RecordReader,
    rejects::{NOT_UTF8, RejectReason, RejectsWriter, WRONG_FIELD_COUNT, broken_rule},
};
use crate::{
    domain::{Task, TaskId, TaskPriority, TaskStatus, Timestamp, UserId, text},
    storage::Store,
};

const HEADER: [&str; 9] = [
    "Summary",
    "Issue id",
    "Status",
    "Priority",
    "Resolution",
    "Created",
    "Resolved",
    "Affects Version/s",
    "Description",
];
/// Name of the source in derived ids.
const SOURCE: &str = "jira";
const TASKS_PER_BATCH: usize = 200;
/// How many batches of tasks may wait to be stored.
const BATCHES_WAITING: usize = 2;

/// Options of the import.
#[derive(Debug, Clone)]
pub struct JiraOptions {
    /// The user recorded as the creator of the tasks.
    pub created_by: UserId,
    /// Path of the CSV file for rejected issues, with `line`, `reason` and the original fields. With `None`, they are
    /// only counted.
    pub rejects: Option<PathBuf>,
}

/// Summary of an import. `issues` is the sum of `tasks.total` and all of `rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JiraSummary {
    /// Number of records in the file, without the header.
    pub issues: u64,
    /// Tasks made from the issues.
    pub tasks: Counts,
    /// Rejected issues, by reason.
    pub rejected: RejectCounts,
}

struct TaskBatch {
    tasks: Vec<Task>,
    bytes: (u64, u64),
}

/// Imports the file: one task without an assignee per issue.
pub async fn import(
    store: &dyn Store,
    source: &ImportSource,
    options: JiraOptions,
    progress: Arc<dyn Progress>,
) -> Result<JiraSummary, ImportError> {
    let (sender, mut batches) = mpsc::channel::<TaskBatch>(BATCHES_WAITING);
    let reading = {
        let source = source.clone();
        spawn_blocking(move || read(&source, &options, &sender))
    };
    let mut new = 0;
    while let Some(batch) = batches.recv().await {
        new += store.import_tasks(&batch.tasks).await?;
        progress.update(Stage::Tasks, batch.bytes.0, batch.bytes.1);
    }
    let mut summary = reading.await.map_err(broken_off)??;
    summary.tasks.new = new;
    Ok(summary)
}

/// Reads the whole file and sends the tasks. Returns early, without an error, if the receiver is gone.
fn read(
    source: &ImportSource,
    options: &JiraOptions,
    batches: &mpsc::Sender<TaskBatch>,
) -> Result<JiraSummary, ImportError> {
    let mut records = RecordReader::open(source, &HEADER)?;
    let mut rejects = RejectsWriter::create(options.rejects.as_deref(), std::slice::from_ref(source), &HEADER)?;
    let mut summary = JiraSummary::default();
    let mut seen = HashSet::new();
    let mut tasks = Vec::with_capacity(TASKS_PER_BATCH);
    while records.advance()? {
        summary.issues += 1;
        match parse(records.record(), options.created_by, &mut seen) {
            Ok(task) => tasks.push(task),
            Err(reason) => rejects.add(reason, records.line(), records.record())?,
        }
        if tasks.len() == TASKS_PER_BATCH {
            summary.tasks.total += tasks.len() as u64;
            let full = std::mem::replace(&mut tasks, Vec::with_capacity(TASKS_PER_BATCH));
            if batches.blocking_send(TaskBatch { tasks: full, bytes: records.progress() }).is_err() {
                break;
            }
        }
    }
    summary.tasks.total += tasks.len() as u64;
    // The receiver is gone only if the import was abandoned.
    let _ = batches.blocking_send(TaskBatch { tasks, bytes: records.progress() });
    summary.rejected = rejects.finish()?;
    Ok(summary)
}

/// Converts an issue to a task; the error says why the record is malformed. `seen` collects the issue ids.
fn parse(record: &ByteRecord, created_by: UserId, seen: &mut HashSet<u64>) -> Result<Task, RejectReason> {
    if record.len() != HEADER.len() {
        return Err(WRONG_FIELD_COUNT);
    }
    let mut fields = [""; HEADER.len()];
    for (field, bytes) in fields.iter_mut().zip(record) {
        *field = std::str::from_utf8(bytes).map_err(|_| NOT_UTF8)?;
    }
    let [summary, issue, status, priority, resolution, created, resolved, _, description] = fields;
    let title = text::line(summary).map_err(|fault| broken_rule("Summary", fault))?;
    let description = text::description(description.to_owned()).map_err(|fault| broken_rule("Description", fault))?;
    let number: u64 = issue.parse().map_err(|_| "Issue id is not a number")?;
    let status = task_status(status, resolution).ok_or("unknown Status")?;
    let priority = task_priority(priority).ok_or("unknown Priority")?;
    let created_at = time(created).ok_or("Created is not a time like 30/Sep/21 17:20")?;
    let updated_at = match resolved {
        "" => created_at,
        resolved => time(resolved).ok_or("Resolved is not a time like 30/Sep/21 17:20")?,
    };
    if !seen.insert(number) {
        return Err("Issue id occurs more than once".into());
    }
    Ok(Task {
        description,
        status,
        priority,
        updated_at,
        ..Task::new(TaskId::derived(created_at, SOURCE, issue), title, created_by, created_at)
    })
}

fn task_status(status: &str, resolution: &str) -> Option<TaskStatus> {
    Some(match status {
        "Open" | "Reopened" => TaskStatus::Todo,
        "In Progress" | "Patch Available" => TaskStatus::InProgress,
        "Resolved" if matches!(resolution, "Fixed" | "Done" | "Implemented" | "Delivered") => TaskStatus::Done,
        "Resolved" => TaskStatus::Cancelled,
        _ => return None,
    })
}

fn task_priority(priority: &str) -> Option<TaskPriority> {
    Some(match priority {
        "Blocker" | "Critical" => TaskPriority::Urgent,
        "Major" => TaskPriority::High,
        "Minor" => TaskPriority::Medium,
        "Trivial" => TaskPriority::Low,
        _ => return None,
    })
}

/// Parses Jira's short form, which has no time zone and is taken as UTC. Years 69 to 99 mean 1969 to 1999.
fn time(text: &str) -> Option<Timestamp> {
    let time = civil::DateTime::strptime("%d/%b/%y %H:%M", text).ok()?;
    let time = TimeZone::UTC.to_timestamp(time).ok()?;
    Some(Timestamp::from_unix_millis(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 9] =
        [" A bug ", "1", "Resolved", "Major", "Fixed", "30/Sep/21 17:20", "20/Jul/22 20:51", "", " a\r\nb "];

    fn task(changes: &[(usize, &str)]) -> Result<Task, RejectReason> {
        let mut fields = GOOD;
        for (column, value) in changes {
            fields[*column] = value;
        }
        let user = UserId::derived(Timestamp::from_unix_millis(0), "test", "user");
        parse(&ByteRecord::from(fields.to_vec()), user, &mut HashSet::new())
    }

    #[test]
    fn an_issue_becomes_a_task() {
        let done = task(&[]).unwrap();
        assert_eq!((done.title.as_str(), done.description.as_deref()), ("A bug", Some(" a\r\nb ")));
        assert_eq!((done.status, done.priority, done.version), (TaskStatus::Done, TaskPriority::High, 1));
        assert_eq!(done.created_at.to_string(), "2021-09-30T17:20:00.000Z");
        assert_eq!(done.updated_at.to_string(), "2022-07-20T20:51:00.000Z");
        let open = task(&[(2, "Reopened"), (4, ""), (6, ""), (8, "")]).unwrap();
        assert_eq!((open.status, open.updated_at, open.description), (TaskStatus::Todo, open.created_at, None));
        assert_eq!(open.id, done.id, "the issue id is the key");
        assert_eq!(task(&[(4, "Won't Fix")]).unwrap().status, TaskStatus::Cancelled);
    }

    #[test]
    fn each_malformed_field_has_its_own_reject_reason() {
        for (column, value, reason) in [
            (0, "  ", "Summary must not be empty"),
            (0, "a\nb", "Summary must not contain line breaks or other control characters"),
            (8, "a\0b", "Description must not contain control characters other than line breaks and tabs"),
            (1, "HADOOP-1", "Issue id is not a number"),
            (2, "Closed", "unknown Status"),
            (3, "", "unknown Priority"),
            (5, "2021-09-30", "Created is not a time like 30/Sep/21 17:20"),
            (6, "31/Feb/21 17:20", "Resolved is not a time like 30/Sep/21 17:20"),
        ] {
            assert_eq!(task(&[(column, value)]), Err(reason.into()), "{value}");
        }
    }
}
