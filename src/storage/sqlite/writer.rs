//! The writer thread: one connection, and one commit for all changes that wait. Callers take turns.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::queue::{Queue, closed};
use crate::{
    domain::Event,
    fairness::{Caller, current_caller},
    storage::{Appends, Result, StoreError},
    telemetry::metrics::{GaugeGuard, metrics},
};

/// The most changes that share one commit.
const BATCH: usize = 64;
/// No change joins a transaction that has taken this long: those that are done wait for its commit.
const LONGEST_BATCH: Duration = Duration::from_millis(20);
/// No second change of a caller joins a transaction that has taken this long and has changes of others.
const LONGEST_FOR_OTHERS: Duration = Duration::from_millis(2);

/// The changes that wait.
type ChangeQueue = Queue<Box<dyn Change>>;

/// A handle to the writer thread, which ends when the handle is dropped.
pub(super) struct Writer {
    queue: Arc<ChangeQueue>,
    thread: TaskTracker,
}

/// What a change answers its caller, and the entries that it appended to the log.
pub(super) struct Written<T> {
    pub(super) value: T,
    pub(super) events: Vec<Event>,
}

impl<T> Written<T> {
    /// The answer of a change that appended nothing.
    pub(super) fn unchanged(value: T) -> Self {
        Self { value, events: Vec::new() }
    }
}

/// A change in the queue.
trait Change: Send {
    /// Who the change is made for.
    fn caller(&self) -> Caller;
    /// Runs the change; returns `false` if its writes must be undone.
    fn run(&mut self, db: &Connection) -> bool;
    /// Takes the entries that the change appended.
    fn take_events(&mut self) -> Vec<Event>;
    /// Answers the caller; `failure` is the reason why the commit failed.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct QueuedChange<T, W> {
    caller: Caller,
    work: Option<W>,
    result: Option<Result<Written<T>>>,
    answer: oneshot::Sender<Result<T>>,
    counted: GaugeGuard,
}

impl<T: Send, W: FnOnce(&Connection) -> Result<Written<T>> + Send> Change for QueuedChange<T, W> {
    fn caller(&self) -> Caller {
        self.caller
    }

    fn run(&mut self, db: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let result = catch_unwind(AssertUnwindSafe(|| work(db)))
            .unwrap_or_else(|_| Err(StoreError::internal("a change panicked; its writes were undone")));
        self.result.insert(result).is_ok()
    }

    fn take_events(&mut self) -> Vec<Event> {
        match &mut self.result {
            Some(Ok(written)) => std::mem::take(&mut written.events),
            _ => Vec::new(),
        }
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let Self { result, answer, counted, .. } = *self;
        // Before the answer, so that a caller that has it does not find its change among the waiting ones.
        drop(counted);
        let result = match (result, failure) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(written)), None) => Ok(written.value),
            (_, failure) => Err(StoreError::Unavailable(failure.unwrap_or("the change was not run").to_owned())),
        };
        // Fails if the caller has gone away, which undoes nothing.
        let _ = answer.send(result);
    }
}

impl Writer {
    /// Starts the thread, which deletes `temporary` when it ends.
    pub(super) fn start(connection: Connection, temporary: Option<TempDir>, appends: Appends) -> Result<Self> {
        let writer = Self { queue: Arc::default(), thread: TaskTracker::new() };
        let (queue, running) = (Arc::clone(&writer.queue), writer.thread.token());
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || {
                run_writer(connection, &queue, &appends);
                drop(temporary);
                drop(running);
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(writer)
    }

    /// Runs `work` in a transaction when it is the caller's turn, and returns when it is on disk. It runs even if the caller
    /// goes away.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<Written<T>> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let counted = GaugeGuard::new(&metrics().sqlite_changes_waiting);
        let caller = current_caller();
        let change = QueuedChange { caller, work: Some(work), result: None, answer, counted };
        self.queue.push(caller, Box::new(change))?;
        answered.await.map_err(|_| closed())?
    }

    /// Runs the queued changes and closes the connection.
    pub(super) async fn close(&self) {
        self.queue.close();
        self.thread.close();
        self.thread.wait().await;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn run_writer(db: Connection, queue: &ChangeQueue, appends: &Appends) {
    while let Some(first) = queue.wait() {
        let mut batch = vec![first];
        let failure = commit(&db, queue, &mut batch).err().map(|error| match error {
            StoreError::Unavailable(why) => why,
            other => other.to_string(),
        });
        if failure.is_none() {
            appends.send(batch.iter_mut().flat_map(|change| change.take_events()));
        }
        for change in batch {
            change.answer(failure.as_deref());
        }
    }
    // May fail: the next start reads the rest of the write-ahead log.
    let _ = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    drop(db);
}

/// Runs the changes of `batch`, and adds those that wait, in one transaction. An error undoes all of them.
fn commit(db: &Connection, queue: &ChangeQueue, batch: &mut Vec<Box<dyn Change>>) -> Result<()> {
    let committed = run_all(db, queue, batch);
    if committed.is_err() && !db.is_autocommit() {
        execute(db, "ROLLBACK")?;
    }
    committed
}

/// Runs each change in a savepoint. The next one is taken from the queue after the one before it, and callers who have none in
/// the transaction come first, so that a caller who comes now waits for the change that runs and for one of each other caller.
fn run_all(db: &Connection, queue: &ChangeQueue, batch: &mut Vec<Box<dyn Change>>) -> Result<()> {
    if let Err(error) = execute(db, "BEGIN IMMEDIATE") {
        // Another process is writing: those that wait have waited for it, too.
        batch.extend(std::iter::from_fn(|| queue.next_of(|_| true)).take(BATCH));
        return Err(error);
    }
    let (began, mut done, mut callers) = (Instant::now(), 0, HashSet::new());
    while let Some(change) = batch.get_mut(done) {
        callers.insert(change.caller());
        execute(db, "SAVEPOINT change")?;
        let keep = change.run(db);
        if db.is_autocommit() {
            // Some failures, such as a full disk, make SQLite end the whole transaction.
            let advice = "the database undid the transaction; check that its disk works and has room";
            return Err(StoreError::Unavailable(advice.to_owned()));
        }
        if !keep {
            execute(db, "ROLLBACK TO change")?;
        }
        execute(db, "RELEASE change")?;
        done += 1;
        let taken = began.elapsed();
        if done < BATCH && taken < LONGEST_BATCH {
            let next = queue.next_of(|caller| !callers.contains(caller));
            let again = taken < LONGEST_FOR_OTHERS || callers.len() == 1;
            batch.extend(next.or_else(|| queue.next_of(|_| again)));
        }
    }
    execute(db, "COMMIT")
}

fn execute(db: &Connection, sql: &str) -> Result<()> {
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
}
