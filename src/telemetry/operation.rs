//! Measures one GraphQL operation from its start to its end.

use std::{
    future::Future,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tracing::Instrument;

use super::metrics::{BoundedNames, metrics};

/// Most operation names that get a label of their own; clients choose the names.
const MAX_NAMES: usize = 100;

/// The code of an operation that was dropped before its response was ready.
const CANCELLED: &str = "CANCELLED";

tokio::task_local! {
    /// What the operation that the task works for has done.
    static WORK: Arc<Work>;
}

/// What an operation has made the storage do.
#[derive(Debug, Default)]
struct Work {
    calls: AtomicU32,
    stored: AtomicUsize,
}

/// The code of an operation that panicked.
const PANICKED: &str = "INTERNAL";

/// A running operation. Dropping it without [`OperationTimer::end`] counts it as cancelled, or as failed if it panicked.
pub struct OperationTimer {
    name: &'static str,
    kind: &'static str,
    code: &'static str,
    started: Instant,
    slow: Duration,
    work: Arc<Work>,
}

impl OperationTimer {
    /// Starts the timer. `name` is the client's name for the operation, empty for none; `kind` is `query`, `mutation` or `subscription`.
    /// An operation that takes longer than `slow` is logged as a warning.
    pub fn start(name: &str, kind: &'static str, slow: Duration) -> Self {
        let name = label(name);
        Self { name, kind, code: CANCELLED, started: Instant::now(), slow, work: Arc::default() }
    }

    /// Runs `work` and counts what it does for the operation.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        WORK.scope(self.work.clone(), work).await
    }

    /// Bytes of the entities that the operation has stored so far, see [`count_stored`].
    pub fn stored(&self) -> usize {
        self.work.stored.load(Relaxed)
    }

    /// Ends the operation with this code: `OK`, or the code of an error.
    pub fn end(mut self, code: &'static str) {
        self.code = code;
    }
}

impl Drop for OperationTimer {
    fn drop(&mut self) {
        let &mut Self { name, kind, slow, .. } = self;
        let code = if std::thread::panicking() { PANICKED } else { self.code };
        let (elapsed, calls) = (self.started.elapsed(), self.work.calls.load(Relaxed));
        let metrics = metrics();
        metrics.operations.with_labels([name, kind, code]).inc();
        metrics.operation_duration.with_labels([name, kind]).observe(elapsed.as_secs_f64());
        metrics.operation_storage_calls.with_labels([name, kind]).observe(calls.into());
        if elapsed > slow {
            tracing::warn!(operation = name, kind, code, ?elapsed, storage_calls = calls, "a slow operation");
        } else {
            tracing::debug!(operation = name, kind, code, ?elapsed, storage_calls = calls, "an operation");
        }
    }
}

/// Counts an operation that was refused before its name and type were known.
pub fn count_refused(code: &'static str) {
    metrics().operations.with_labels(["unknown", "unknown", code]).inc();
    tracing::debug!(code, "an operation was refused");
}

/// Counts a storage call for the operation that this task works for, if there is one.
pub fn count_storage_call() {
    let _ = WORK.try_with(|work| work.calls.fetch_add(1, Relaxed));
}

/// Counts an entity of this many bytes that was stored, for the operation that this task works for, if there is one.
pub fn count_stored(bytes: usize) {
    let counted = WORK.try_with(|work| work.stored.fetch_add(bytes, Relaxed));
    if counted.is_ok() {
        metrics().stored_bytes.inc_by(bytes as u64);
    }
}

/// Wraps work for a task of its own so that its storage calls and log lines still belong to the operation of this task.
/// Outside an operation, as in a background job, the work gets a counter of its own, which is dropped.
pub fn in_current_operation<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let counted = WORK.try_with(Arc::clone).unwrap_or_default();
    WORK.scope(counted, work).in_current_span()
}

fn label(name: &str) -> &'static str {
    static NAMES: LazyLock<BoundedNames> = LazyLock::new(|| BoundedNames::new(MAX_NAMES));
    if name.is_empty() { "anonymous" } else { NAMES.label(name) }
}
