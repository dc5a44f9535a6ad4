//! The writer thread: one connection, and one commit for all changes that wait.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use crate::{
    domain::Event,
    storage::{Appends, Result, StoreError},
    telemetry::metrics::{GaugeGuard, metrics},
};

/// Length of the queue; further callers wait for a place in it.
const QUEUE: usize = 256;
/// The most changes that share one commit.
const BATCH: usize = 64;

/// A handle to the writer thread, which ends when the handle is dropped.
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Change(Box<dyn Change>),
    Close(oneshot::Sender<()>),
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
    /// Runs the change; returns `false` if its writes must be undone.
    fn run(&mut self, db: &Connection) -> bool;
    /// Takes the entries that the change appended.
    fn take_events(&mut self) -> Vec<Event>;
    /// Answers the caller; `failure` is the reason why the commit failed.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct QueuedChange<T, W> {
    work: Option<W>,
    result: Option<Result<Written<T>>>,
    caller: oneshot::Sender<Result<T>>,
    counted: GaugeGuard,
}

impl<T: Send, W: FnOnce(&Connection) -> Result<Written<T>> + Send> Change for QueuedChange<T, W> {
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
        let Self { result, caller, counted, .. } = *self;
        // Before the answer, so that a caller that has it does not find its change among the waiting ones.
        drop(counted);
        let result = match (result, failure) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(written)), None) => Ok(written.value),
            (_, failure) => Err(StoreError::Unavailable(failure.unwrap_or("the change was not run").to_owned())),
        };
        // Fails if the caller has gone away, which undoes nothing.
        let _ = caller.send(result);
    }
}

impl Writer {
    /// Starts the thread, which deletes `temporary` when it ends.
    pub(super) fn start(connection: Connection, temporary: Option<TempDir>, appends: Appends) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || {
                run_writer(connection, waiting, &appends);
                drop(temporary);
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(Self { queue })
    }

    /// Runs `work` in a transaction and returns when it is on disk. Once queued, it runs even if the caller goes away.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<Written<T>> + Send + 'static,
    ) -> Result<T> {
        let (caller, answer) = oneshot::channel();
        let counted = GaugeGuard::new(&metrics().sqlite_changes_waiting);
        let change = Message::Change(Box::new(QueuedChange { work: Some(work), result: None, caller, counted }));
        self.queue.send(change).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs the queued changes and closes the connection.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

fn run_writer(db: Connection, mut waiting: mpsc::Receiver<Message>, appends: &Appends) {
    let mut closing = None;
    let mut batch = Vec::new();
    while let Some(first) = waiting.blocking_recv() {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Change(change) => batch.push(change),
                Message::Close(done) => closing = Some(done),
            }
            next = if batch.len() < BATCH && closing.is_none() { waiting.try_recv().ok() } else { None };
        }
        let failure = commit(&db, &mut batch).err().map(|error| match error {
            StoreError::Unavailable(why) => why,
            other => other.to_string(),
        });
        if failure.is_none() {
            appends.send(batch.iter_mut().flat_map(|change| change.take_events()));
        }
        for change in batch.drain(..) {
            change.answer(failure.as_deref());
        }
        if closing.is_some() {
            break;
        }
    }
    // May fail: the next start reads the rest of the write-ahead log.
    let _ = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    drop(db);
    if let Some(done) = closing {
        let _ = done.send(());
    }
}

/// Runs the changes in one transaction, each in a savepoint. An error undoes all of them.
fn commit(db: &Connection, batch: &mut [Box<dyn Change>]) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let committed = run_all(db, batch);
    if committed.is_err() && !db.is_autocommit() {
        execute(db, "ROLLBACK")?;
    }
    committed
}

fn run_all(db: &Connection, batch: &mut [Box<dyn Change>]) -> Result<()> {
    execute(db, "BEGIN IMMEDIATE")?;
    for change in batch {
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
    }
    execute(db, "COMMIT")
}

fn execute(db: &Connection, sql: &str) -> Result<()> {
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
