//! The pool of threads for reads. Callers take turns.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::{
    options::SqliteOptions,
    read_limit::{ReadLimit, stopped},
    schema,
};
use crate::{
    fairness::{Caller, FairQueue, current_caller},
    storage::{Result, StoreError},
    telemetry::metrics::{GaugeGuard, metrics},
};

/// A handle to a fixed number of threads, each with a connection, which end when the handle is dropped. A read that is
/// queued while they are busy wakes nobody: the next thread that is done takes it.
pub(super) struct Pool {
    queue: Arc<Queue>,
    threads: TaskTracker,
}

/// A read in the queue, which answers its caller.
type Read = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    woken: Condvar,
}

#[derive(Default)]
struct QueueState {
    reads: FairQueue<Read>,
    /// How many threads wait for a read.
    idle: usize,
    /// Whether one of them is being woken. It wakes the next one if it finds more than one read.
    waking: bool,
    closed: bool,
}

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
                    while let Some(read) = queue.next() {
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

impl Queue {
    fn push(&self, caller: Caller, read: Read) -> Result<()> {
        let wake = {
            let mut state = self.state.lock();
            if state.closed {
                return Err(closed());
            }
            state.reads.push(caller, read).map_err(|full| StoreError::Unavailable(full.to_string()))?;
            state.must_wake()
        };
        self.wake_if(wake);
        Ok(())
    }

    /// Waits for the next read; `None` once the queue is closed and empty.
    fn next(&self) -> Option<Read> {
        let mut state = self.state.lock();
        loop {
            if let Some(read) = state.reads.pop() {
                let wake = state.must_wake();
                drop(state);
                self.wake_if(wake);
                return Some(read);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            self.woken.wait(&mut state);
            state.idle -= 1;
            state.waking = false;
        }
    }

    fn close(&self) {
        self.state.lock().closed = true;
        self.woken.notify_all();
    }

    /// Wakes a thread after the lock is released, so that it does not wait for it.
    fn wake_if(&self, wake: bool) {
        if wake {
            self.woken.notify_one();
        }
    }
}

impl QueueState {
    /// Whether a thread has to be woken for the reads, which counts it as being woken.
    fn must_wake(&mut self) -> bool {
        let wake = !self.reads.is_empty() && self.idle > 0 && !self.waking;
        self.waking |= wake;
        wake
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
