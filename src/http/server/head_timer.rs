//! The time limit for the head of a request.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

/// The timer of hyper, which has one time for an idle connection and for the head that comes then: once the head begins,
/// the time for it counts instead.
pub(super) struct HeadTimer {
    pub(super) limit: Duration,
    pub(super) received: Arc<AtomicBool>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    /// hyper begins to wait for a head.
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.received.store(false, Relaxed);
        let sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
        Box::pin(HeadSleep { sleep, limit: Some(self.limit), received: self.received.clone() })
    }
}

struct HeadSleep {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// `None` once the head has begun.
    limit: Option<Duration>,
    received: Arc<AtomicBool>,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    /// hyper asks after everything it reads.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.received.load(Relaxed)
            && let Some(limit) = self.limit.take()
        {
            self.sleep.as_mut().reset(tokio::time::Instant::now() + limit);
        }
        self.sleep.as_mut().poll(cx)
    }
}
