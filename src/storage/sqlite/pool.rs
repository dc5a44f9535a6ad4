//! The pool of threads for reads. Callers take turns.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::{
    options::SqliteOptions,
    queue::{Queue, closed},
    read_limit::{ReadLimit, stopped},
    schema,
};
use crate::{
    fairness::current_caller,
    storage::{Result, StoreError},
    telemetry::metrics::{GaugeGuard, metrics},
};

/// A handle to a fixed number of threads, each with a connection, which end when the handle is dropped.
pub(super) struct Pool {
    queue: Arc<Queue<Read>>,
    threads: TaskTracker,
}

/// A read in the queue, which answers its caller.
type Read = Box<dyn FnOnce(&Connection) + Send>;

impl Pool {
    /// Opens all connections and starts their threads.
    pub(super) fn open(path: &Path, options: SqliteOptions) -> Result<Self> {
        let pool = Self { queue: Arc::default(), threads: TaskTracker::new() };
        for _ in 0..options.reader_count() {
            let connection = schema::open_reader(path, options)?;
            let (queue, running) = (Arc::clone(&pool.queue), pool.threads.token());
            std::thread::Builder::new()
                .name("sqlite-reader".to_owned())
                .spawn(move || {
                    while let Some(read) = queue.wait() {
                        read(&connection);
                    }
                    drop(connection);
                    drop(running);
                })
                .map_err(|error| StoreError::Unavailable(format!("no thread can be started: {error}")))?;
        }
        Ok(pool)
    }

    /// Runs `work` on one snapshot of the database, as soon as a thread is free and it is the caller's turn. The read stops
    /// when this is dropped, and at the deadline of the current task.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let waiting = GaugeGuard::new(&metrics().sqlite_reads_waiting);
        let (caller, answer) = oneshot::channel();
        let (limit, _stops_when_dropped) = ReadLimit::new();
        let read = Box::new(move |db: &Connection| {
            drop(waiting);
            if limit.is_over() {
                let _ = caller.send(Err(stopped()));
                return;
            }
            let counted = GaugeGuard::new(&metrics().sqlite_reads);
            let result = limit.enforce(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    // Reading only, so there is nothing to commit: dropping the transaction ends the snapshot.
                    let snapshot = db.unchecked_transaction()?;
                    work(&snapshot)
                }))
                .unwrap_or_else(|_| Err(StoreError::internal("a read panicked")))
            });
            // Before the answer, so that a caller that has it does not find its read among the running ones.
            drop(counted);
            // Fails if the caller has gone away.
            let _ = caller.send(result);
        });
        self.queue.push(current_caller(), read)?;
        answer.await.map_err(|_| closed())?
    }

    /// Waits for the queued reads and closes the connections.
    pub(super) async fn close(&self) {
        self.queue.close();
        self.threads.close();
        self.threads.wait().await;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
    }
}
