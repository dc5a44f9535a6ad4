//! Stops reads that nobody waits for any more, or that have taken too long, and counts what they do.
//!
//! SQLite calls a progress handler after some steps of its virtual machine. The handler of a reading connection asks the
//! [`ReadLimit`] of the read that the thread is running, and counts the steps as rows. What a read loads is counted row by
//! row, by [`loaded`].
//!
//! Decisions: `docs/decisions/0024-callers-take-turns.md`, `docs/decisions/0025-rows-and-loaded-bytes.md`.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, types::Type};
use tokio::time::Instant;

use crate::{
    fairness::{self, ExaminedRows, OverBudget, ReadMeter},
    storage::{Result, StoreError},
    telemetry::metrics::metrics,
};

/// Steps of the virtual machine between two calls of the handler: well below 0.1 ms.
const STEPS: u16 = 500;

/// Steps of the virtual machine for each row that a scan examines: some go to the next row, read a column and compare it.
const STEPS_PER_ROW: u64 = 5;

thread_local! {
    /// The read that this thread is running.
    static CURRENT: RefCell<Option<RunningRead>> = const { RefCell::new(None) };
}

/// When a read stops, and what counts what it does.
#[derive(Clone)]
pub(super) struct ReadLimit {
    left: Arc<AtomicBool>,
    deadline: Option<Instant>,
    meter: Option<Arc<dyn ReadMeter>>,
}

/// A read of a thread.
struct RunningRead {
    limit: ReadLimit,
    steps: u64,
    rows: ExaminedRows,
}

impl RunningRead {
    /// Counts steps of the virtual machine.
    fn count_steps(&mut self) {
        self.steps += u64::from(STEPS);
        if let Some(meter) = &self.limit.meter {
            self.rows.set(self.steps / STEPS_PER_ROW, &**meter);
        }
    }
}

/// Kept by the caller of a read, which stops when this is dropped.
#[derive(Debug)]
pub(super) struct StopsWhenDropped(Arc<AtomicBool>);

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Takes the read from the thread, also when it panics.
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
        let (deadline, meter) = (fairness::deadline(), fairness::read_meter());
        (Self { left: Arc::clone(&left), deadline, meter }, StopsWhenDropped(left))
    }

    /// Whether the caller has left or the deadline has passed.
    pub(super) fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Runs a read of this thread, and stops it when the limit is over.
    pub(super) fn enforce<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        CURRENT.set(Some(RunningRead { limit: self.clone(), steps: 0, rows: ExaminedRows::default() }));
        let _enforced = Enforced;
        let result = read();
        if result.is_err() && self.is_over() { Err(stopped()) } else { result }
    }
}

/// The answer to a read that was stopped.
pub(super) fn stopped() -> StoreError {
    StoreError::Unavailable("a read took too long and was stopped".to_owned())
}

/// Counts a value of `bytes` that the read of this thread has loaded.
/// Errors: the budget of its operation has no room for it, as [`over_budget`] finds.
pub(super) fn loaded<T>(value: T, bytes: impl FnOnce(&T) -> usize) -> rusqlite::Result<T> {
    let counted =
        CURRENT.with_borrow(|running| match running.as_ref().and_then(|running| running.limit.meter.as_ref()) {
            Some(meter) => meter.load(bytes(&value)),
            None => Ok(()),
        });
    match counted {
        Ok(()) => Ok(value),
        Err(over) => Err(rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(over))),
    }
}

/// The reason why [`loaded`] failed, if the error is one of its own.
pub(super) fn over_budget(error: &rusqlite::Error) -> Option<OverBudget> {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, cause) => cause.downcast_ref().copied(),
        _ => None,
    }
}

/// Makes the reads of a connection end at their limits, and counts their steps.
pub(super) fn install(connection: &mut Connection) -> Result<()> {
    let handler = || {
        metrics().sqlite_read_steps.inc_by(STEPS.into());
        // Threads that became ready meanwhile run before this one, which works on a long read.
        std::thread::yield_now();
        CURRENT.with_borrow_mut(|running| {
            running.as_mut().is_some_and(|running| {
                running.count_steps();
                running.limit.is_over()
            })
        })
    };
    Ok(connection.progress_handler(STEPS.into(), Some(handler))?)
}
