//! Runs one operation together with its batched loads.
//!
//! A batch has to wait until every resolver that can go on has gone on and named its keys, and no longer. Timers get
//! both wrong. Here batches start when the operation itself has nothing more to do (it is polled first, and is pending
//! without having woken itself) and the batches before them are done. All of it is one task, so how keys fall into
//! batches does not depend on timing: each level of a query costs one call for each kind of key.
//!
//! Decision: `docs/decisions/0004-batches-run-when-idle.md`.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered},
};
use parking_lot::Mutex;

/// Batches that resolvers asked for and that have not started.
#[derive(Clone, Default)]
pub struct PendingBatches(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl PendingBatches {
    /// Runs `batch` when the operation is idle.
    pub fn push(&self, batch: BoxFuture<'static, ()>) {
        self.0.lock().push(batch);
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// An operation with its batches. Dropping it drops both.
pub struct BatchedExecution<T> {
    stream: BoxStream<'static, T>,
    batches: PendingBatches,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl<T> BatchedExecution<T> {
    /// Runs `stream`, whose resolvers push to `batches`.
    pub fn new(stream: BoxStream<'static, T>, batches: PendingBatches) -> Self {
        Self { stream, batches, running: FuturesUnordered::new() }
    }
}

impl<T> Stream for BatchedExecution<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            let flag = Arc::new(WakeFlag { woken: AtomicBool::new(false), task: context.waker().clone() });
            let waker = Waker::from(flag.clone());
            if let Poll::Ready(item) = self.stream.poll_next_unpin(&mut Context::from_waker(&waker)) {
                return Poll::Ready(item);
            }
            if flag.woken.load(Ordering::Acquire) {
                // More to do at once: the task is woken already, and batches can still grow.
                return Poll::Pending;
            }
            if self.running.is_empty() {
                let asked = self.batches.take();
                self.running.extend(asked);
            }
            match self.running.poll_next_unpin(context) {
                // A batch is done: its keys' resolvers go on.
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Passes flag on to the task and remembers that there was one.
struct WakeFlag {
    woken: AtomicBool,
    task: Waker,
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}
