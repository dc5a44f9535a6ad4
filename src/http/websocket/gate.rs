//! Polls something again only after it has asked for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Stands before one of the things that a task waits for. When the task is woken for another of them, this one is not
/// asked: that it was pending still holds.
#[derive(Default)]
pub(super) struct Gate(Arc<Bell>);

struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Default for Bell {
    fn default() -> Self {
        Self { rung: AtomicBool::new(true), task: AtomicWaker::new() }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Gate {
    /// Has it asked at the next poll: it waits for something new.
    pub(super) fn open(&self) {
        self.0.rung.store(true, Ordering::Release);
    }

    /// What `poll` says, if it has something new to say. It has to arrange for a wake-up whenever it is pending.
    pub(super) fn poll<T>(&self, cx: &Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        // First, lest a ring in between wakes nobody.
        self.0.task.register(cx.waker());
        if !self.0.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let polled = poll(&mut Context::from_waker(&Waker::from(self.0.clone())));
        if polled.is_ready() {
            self.0.rung.store(true, Ordering::Release);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker_ref;
    use std::future::Future;

    #[test]
    fn what_is_pending_is_asked_again_only_once_it_rings() {
        let (gate, cx) = (Gate::default(), Context::from_waker(noop_waker_ref()));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut receiver = std::pin::pin!(receiver);
        let mut asked = 0;
        let mut ask = || {
            gate.poll(&cx, |cx| {
                asked += 1;
                receiver.as_mut().poll(cx)
            })
        };
        assert!(ask().is_pending());
        assert!(ask().is_pending());
        sender.send(7).unwrap();
        assert_eq!(ask(), Poll::Ready(Ok(7)));
        assert_eq!(asked, 2);
    }

    #[test]
    fn what_was_ready_is_asked_at_once() {
        let (gate, cx) = (Gate::default(), Context::from_waker(noop_waker_ref()));
        assert!(gate.poll(&cx, |_| Poll::Ready(())).is_ready());
        assert!(gate.poll(&cx, |_| Poll::Ready(())).is_ready());
    }
}
