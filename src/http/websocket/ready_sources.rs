//! Wake-ups of the task that serves a socket. The task waits for many sources and polls only those that were woken.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use parking_lot::{Mutex, MutexGuard};

/// The sources of a task that are ready to be polled. In one allocation, because every delivery uses it.
#[derive(Default)]
pub(in crate::http::websocket) struct ReadySources {
    /// A bit for each [`PollOnWake`] that was woken.
    woken_bits: AtomicU8,
    task: Mutex<Task>,
}

#[derive(Default)]
struct Task {
    waker: Option<Waker>,
    queue: Queue,
}

/// The slots of the operations to poll, each at most once.
#[derive(Default)]
struct Queue {
    /// The first slot, usually the only one. `others` is filled only while there is a first one.
    next: Option<usize>,
    others: BTreeSet<usize>,
    /// The slot that was taken last.
    last: usize,
}

impl ReadySources {
    /// Sets the waker of the task.
    pub(in crate::http::websocket) fn set_waker(&self, waker: Waker) {
        self.task().waker = Some(waker);
    }

    /// Wakes the task.
    fn wake(&self) {
        self.task().wake();
    }

    /// Marks the operation in this slot as ready, and wakes the task unless it was ready already.
    pub(in crate::http::websocket) fn wake_operation(&self, slot: usize) {
        let mut task = self.task();
        if task.queue.insert(slot) {
            task.wake();
        }
    }

    /// Marks the operation in this slot as ready without waking the task, which polls ready operations before it sleeps
    /// and when it can send again.
    pub(in crate::http::websocket) fn enqueue(&self, slot: usize) {
        self.task().queue.insert(slot);
    }

    /// Removes and returns the slot of the next ready operation, round robin.
    pub(in crate::http::websocket) fn take_operation(&self) -> Option<usize> {
        self.task().queue.take()
    }

    /// Whether the operation in this slot is ready.
    pub(in crate::http::websocket) fn is_ready(&self, slot: usize) -> bool {
        let queue = &self.task().queue;
        queue.next == Some(slot) || queue.others.contains(&slot)
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.task.lock()
    }
}

impl Task {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl Queue {
    /// Returns false if the slot was queued already.
    fn insert(&mut self, slot: usize) -> bool {
        if self.next.is_none() && self.others.is_empty() {
            self.next = Some(slot);
            return true;
        }
        self.next != Some(slot) && self.others.insert(slot)
    }

    fn take(&mut self) -> Option<usize> {
        let taken = self.next.take().or_else(|| {
            let behind_last = self.others.range(self.last + 1..).next();
            let slot = *behind_last.or_else(|| self.others.first())?;
            self.others.take(&slot)
        });
        self.last = taken.unwrap_or(self.last);
        taken
    }
}

/// Polls one source of a task only after the waker of that source was called: until then it is still pending, and
/// polling it would be wasted work.
pub(in crate::http::websocket) struct PollOnWake {
    ready: Arc<ReadySources>,
    bit: u8,
    waker: Waker,
}

struct SourceWaker {
    ready: Arc<ReadySources>,
    bit: u8,
}

impl Wake for SourceWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.woken_bits.fetch_or(self.bit, Ordering::AcqRel);
        self.ready.wake();
    }
}

impl PollOnWake {
    /// Source `number` of a task, from 0 to 7. Polled at the first call.
    pub(in crate::http::websocket) fn new(ready: &Arc<ReadySources>, number: u8) -> Self {
        let bit = 1 << number;
        let source =
            Self { ready: ready.clone(), bit, waker: Arc::new(SourceWaker { ready: ready.clone(), bit }).into() };
        source.mark_ready();
        source
    }

    /// Marks the source as ready. Call this when it begins to wait for something new.
    pub(in crate::http::websocket) fn mark_ready(&self) {
        self.ready.woken_bits.fetch_or(self.bit, Ordering::AcqRel);
    }

    /// Calls `poll` if the source was woken, otherwise returns `Pending`. `poll` must register the waker whenever it
    /// is pending.
    pub(in crate::http::websocket) fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.ready.woken_bits.load(Ordering::Acquire) & self.bit == 0 {
            return Poll::Pending;
        }
        // Cleared before polling, because the source may be woken meanwhile.
        self.ready.woken_bits.fetch_and(!self.bit, Ordering::AcqRel);
        let polled = poll(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.mark_ready();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::Future, sync::atomic::AtomicU32};

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_pending_source_is_polled_again_only_after_its_waker_was_called() {
        let (ready, woken) = (Arc::new(ReadySources::default()), Arc::new(Woken::default()));
        ready.set_waker(woken.clone().into());
        let (source, other) = (PollOnWake::new(&ready, 0), PollOnWake::new(&ready, 1));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut receiver = std::pin::pin!(receiver);
        let mut polls = 0;
        let mut poll = || {
            source.poll(|cx| {
                polls += 1;
                receiver.as_mut().poll(cx)
            })
        };
        assert!(poll().is_pending());
        assert!(other.poll(|_| Poll::<()>::Pending).is_pending());
        assert!(poll().is_pending());
        sender.send(7).unwrap();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(other.poll(|_| Poll::Ready(())).is_pending(), "woken for another source");
        assert_eq!(poll(), Poll::Ready(Ok(7)));
        assert_eq!(polls, 2);
    }

    #[test]
    fn ready_operations_are_taken_round_robin() {
        let ready = ReadySources::default();
        // Each slot is queued once, however often it is woken.
        [3, 3, 1, 2, 1].into_iter().for_each(|slot| ready.wake_operation(slot));
        assert_eq!(ready.take_operation(), Some(3));
        assert_eq!(ready.take_operation(), Some(1));
        // Queued behind slot 2.
        ready.enqueue(1);
        assert_eq!([(); 3].map(|()| ready.take_operation()), [Some(2), Some(1), None]);
    }

    #[test]
    fn a_source_that_was_ready_is_polled_again_at_once() {
        let source = PollOnWake::new(&Arc::default(), 0);
        assert!(source.poll(|_| Poll::Ready(())).is_ready());
        assert!(source.poll(|_| Poll::Ready(())).is_ready());
    }
}
