//! Stops reads that nobody waits for any more, or that have taken too long.
//!
//! SQLite calls a progress handler after some steps of its virtual machine. The handler of a reading connection asks the
//! [`ReadLimit`] of the read that the thread is running.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::Connection;
use tokio::time::Instant;

use crate::{
    fairness,
    storage::{Result, StoreError},
    telemetry::metrics::metrics,
};

/// Steps of the virtual machine between two calls of the handler: well below 0.1 ms.
const STEPS: u16 = 500;

thread_local! {
    /// The limit of the read that this thread is running.
    static CURRENT: RefCell<Option<ReadLimit>> = const { RefCell::new(None) };
}

/// When a read stops.
#[derive(Debug, Clone)]
pub(super) struct ReadLimit {
    left: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

/// Kept by the caller of a read, which stops when this is dropped.
#[derive(Debug)]
pub(super) struct StopsWhenDropped(Arc<AtomicBool>);

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Takes the limit from the thread, also when the read panics.
struct Enforced;

impl Drop for Enforced {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl ReadLimit {
    /// The limit of a read for the current task.
    pub(super) fn new() -> (Self, StopsWhenDropped) {
        let left = Arc::new(AtomicBool::new(false));
        (Self { left: Arc::clone(&left), deadline: fairness::deadline() }, StopsWhenDropped(left))
    }

    /// Whether the caller has left or the deadline has passed.
    pub(super) fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Runs a read of this thread, and stops it when the limit is over.
    pub(super) fn enforce<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        CURRENT.set(Some(self.clone()));
        let _enforced = Enforced;
        let result = read();
        if result.is_err() && self.is_over() { Err(stopped()) } else { result }
    }
}

/// The answer to a read that was stopped.
pub(super) fn stopped() -> StoreError {
    StoreError::Unavailable("a read took too long and was stopped".to_owned())
}

/// Makes the reads of a connection end at their limits, and counts their steps.
pub(super) fn install(connection: &mut Connection) -> Result<()> {
    let handler = || {
        metrics().sqlite_read_steps.inc_by(STEPS.into());
        CURRENT.with_borrow(|limit| limit.as_ref().is_some_and(ReadLimit::is_over))
    };
    Ok(connection.progress_handler(STEPS.into(), Some(handler))?)
}
