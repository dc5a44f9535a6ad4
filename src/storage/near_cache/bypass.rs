//! Reads that the database answers, whatever the cache holds.

tokio::task_local! {
    static UNCACHED: ();
}

/// Runs `reads` so that the database answers them: their results contain everything that was committed before.
pub async fn uncached<T>(reads: impl Future<Output = T>) -> T {
    UNCACHED.scope((), reads).await
}

/// Whether the current task is within [`uncached`].
pub(super) fn is_uncached() -> bool {
    UNCACHED.try_with(|()| ()).is_ok()
}
