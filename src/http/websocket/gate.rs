//! What wakes the task of a socket. It waits for many things, and when it is woken asks only those that have rung.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// What has rung for a task. In one place, since each delivery comes by.
#[derive(Default)]
pub(super) struct Wakeups {
    waker: Mutex<Option<Waker>>,
    /// A bit for each gate that is open.
    open: AtomicU8,
    /// The numbers of the operations that are to be polled, each once.
    due: Mutex<VecDeque<u64>>,
}

impl Wakeups {
    /// Has the task woken by this one.
    pub(super) fn set_waker(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// Wakes the task.
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }

    /// The operations that are due.
    pub(super) fn due(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands before one of the things that a task waits for. When the task is woken for another of them, this one is not
/// asked: that it was pending still holds.
pub(super) struct Gate {
    wakeups: Arc<Wakeups>,
    bit: u8,
    waker: Waker,
}

struct Bell {
    wakeups: Arc<Wakeups>,
    bit: u8,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakeups.open.fetch_or(self.bit, Ordering::AcqRel);
        self.wakeups.wake();
    }
}

impl Gate {
    /// The `number`-th gate of a task, from 0 to 7.
    pub(super) fn new(wakeups: &Arc<Wakeups>, number: u8) -> Self {
        let bit = 1 << number;
        let gate =
            Self { wakeups: wakeups.clone(), bit, waker: Arc::new(Bell { wakeups: wakeups.clone(), bit }).into() };
        gate.open();
        gate
    }

    /// Has it asked at the next poll: it waits for something new.
    pub(super) fn open(&self) {
        self.wakeups.open.fetch_or(self.bit, Ordering::AcqRel);
    }

    /// What `poll` says, if it has something new to say. It has to arrange for a wake-up whenever it is pending.
    pub(super) fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.wakeups.open.load(Ordering::Acquire) & self.bit == 0 {
            return Poll::Pending;
        }
        // Before it is asked: it may ring meanwhile.
        self.wakeups.open.fetch_and(!self.bit, Ordering::AcqRel);
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
        let (wakeups, woken) = (Arc::new(Wakeups::default()), Arc::new(Woken::default()));
        wakeups.set_waker(woken.clone().into());
        let (gate, other) = (Gate::new(&wakeups, 0), Gate::new(&wakeups, 1));
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
    fn what_was_ready_is_asked_at_once() {
        let gate = Gate::new(&Arc::default(), 0);
        assert!(gate.poll(|_| Poll::Ready(())).is_ready());
        assert!(gate.poll(|_| Poll::Ready(())).is_ready());
    }
}
