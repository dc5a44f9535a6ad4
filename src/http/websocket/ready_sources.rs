//! What wakes the task of a socket. It waits for many things, and when it is woken asks only those that have rung.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use parking_lot::{Mutex, MutexGuard};

/// What has rung for a task. All in one place of memory, since each delivery comes by.
#[derive(Default)]
pub(in crate::http::websocket) struct ReadySources {
    /// A bit for each gate that is open.
    open: AtomicU8,
    task: Mutex<Task>,
}

#[derive(Default)]
struct Task {
    waker: Option<Waker>,
    due: Queue,
}

/// The operations that are to be polled, by their slots, each once.
#[derive(Default)]
struct Queue {
    /// Mostly the only one. While there is none, others are due only if they were behind one.
    next: Option<usize>,
    others: BTreeSet<usize>,
    /// The one that was taken last.
    last: usize,
}

impl ReadySources {
    /// Has the task woken by this one.
    pub(in crate::http::websocket) fn set_waker(&self, waker: Waker) {
        self.task().waker = Some(waker);
    }

    /// Wakes the task.
    fn wake(&self) {
        self.task().wake();
    }

    /// Has the operation in this slot be due, and wakes the task unless it was.
    pub(in crate::http::websocket) fn wake_operation(&self, slot: usize) {
        let mut task = self.task();
        if task.due.insert(slot) {
            task.wake();
        }
    }

    /// Has the operation in this slot be due. The task sees to what is due before it sleeps, or when it can send again.
    pub(in crate::http::websocket) fn enqueue(&self, slot: usize) {
        self.task().due.insert(slot);
    }

    /// The slot of an operation that is due, which it is no longer. They have their turn in a circle.
    pub(in crate::http::websocket) fn take_due(&self) -> Option<usize> {
        self.task().due.take()
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
    /// False if it was due already.
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

/// Stands before one of the things that a task waits for. When the task is woken for another of them, this one is not
/// asked: that it was pending still holds.
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
        self.ready.open.fetch_or(self.bit, Ordering::AcqRel);
        self.ready.wake();
    }
}

impl PollOnWake {
    /// The `number`-th gate of a task, from 0 to 7.
    pub(in crate::http::websocket) fn new(ready: &Arc<ReadySources>, number: u8) -> Self {
        let bit = 1 << number;
        let gate =
            Self { ready: ready.clone(), bit, waker: Arc::new(SourceWaker { ready: ready.clone(), bit }).into() };
        gate.open();
        gate
    }

    /// Has it asked at the next poll: it waits for something new.
    pub(in crate::http::websocket) fn open(&self) {
        self.ready.open.fetch_or(self.bit, Ordering::AcqRel);
    }

    /// What `poll` says, if it has something new to say. It has to arrange for a wake-up whenever it is pending.
    pub(in crate::http::websocket) fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.ready.open.load(Ordering::Acquire) & self.bit == 0 {
            return Poll::Pending;
        }
        // Before it is asked: it may ring meanwhile.
        self.ready.open.fetch_and(!self.bit, Ordering::AcqRel);
        let polled = poll(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.open();
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
    fn what_is_pending_is_asked_again_only_once_it_rings() {
        let (ready, woken) = (Arc::new(ReadySources::default()), Arc::new(Woken::default()));
        ready.set_waker(woken.clone().into());
        let (gate, other) = (PollOnWake::new(&ready, 0), PollOnWake::new(&ready, 1));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut receiver = std::pin::pin!(receiver);
        let mut asked = 0;
        let mut ask = || {
            gate.poll(|cx| {
                asked += 1;
                receiver.as_mut().poll(cx)
            })
        };
        assert!(ask().is_pending());
        assert!(other.poll(|_| Poll::<()>::Pending).is_pending());
        assert!(ask().is_pending());
        sender.send(7).unwrap();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(other.poll(|_| Poll::Ready(())).is_pending(), "another's ring");
        assert_eq!(ask(), Poll::Ready(Ok(7)));
        assert_eq!(asked, 2);
    }

    #[test]
    fn operations_have_their_turn_in_a_circle() {
        let ready = ReadySources::default();
        // Each once, however often it rings.
        [3, 3, 1, 2, 1].into_iter().for_each(|slot| ready.wake_operation(slot));
        assert_eq!(ready.take_due(), Some(3));
        assert_eq!(ready.take_due(), Some(1));
        // Behind the one that waits.
        ready.enqueue(1);
        assert_eq!([(); 3].map(|()| ready.take_due()), [Some(2), Some(1), None]);
    }

    #[test]
    fn what_was_ready_is_asked_at_once() {
        let gate = PollOnWake::new(&Arc::default(), 0);
        assert!(gate.poll(|_| Poll::Ready(())).is_ready());
        assert!(gate.poll(|_| Poll::Ready(())).is_ready());
    }
}
