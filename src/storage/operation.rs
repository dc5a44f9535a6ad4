//! What the reads of one operation have in common.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

tokio::task_local! {
    static OPERATION: Operation;
}

#[derive(Clone, Default)]
struct Operation {
    /// Whether neither a cache nor a server that may be behind answers.
    is_uncached: bool,
    /// What the caller had seen when the operation first read something.
    seen: Arc<OnceLock<Option<Instant>>>,
}

/// Runs the reads of one operation. They are answered together, so none of them has to be as new as what another one shows.
pub async fn one_operation<T>(reads: impl Future<Output = T>) -> T {
    OPERATION.scope(Operation { is_uncached: is_uncached(), ..Operation::default() }, reads).await
}

/// Runs `reads` so that no cache and no server that may be behind answers them: their results contain everything that was
/// committed before.
pub async fn uncached<T>(reads: impl Future<Output = T>) -> T {
    let operation = OPERATION.try_with(Operation::clone).unwrap_or_default();
    OPERATION.scope(Operation { is_uncached: true, ..operation }, reads).await
}

/// Whether the current task is within [`uncached`].
pub(super) fn is_uncached() -> bool {
    OPERATION.try_with(|operation| operation.is_uncached).unwrap_or(false)
}

/// What the caller had seen when the current operation first read something, as `seen` tells it then.
pub(super) fn seen_before(seen: impl Fn() -> Option<Instant>) -> Option<Instant> {
    OPERATION.try_with(|operation| *operation.seen.get_or_init(&seen)).unwrap_or_else(|_| seen())
}
