//! The timeout for reading the head of a request.

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

/// A timer for hyper that separates the idle timeout from the head timeout.
///
/// hyper has a single timeout for waiting on an idle connection and for reading the request head that follows. This
/// timer starts with the idle timeout and switches to `limit` at the first byte of the head.
pub(super) struct HeadTimer {
    pub(super) limit: Duration,
    pub(super) received: Arc<AtomicBool>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    /// Called by hyper when it begins to wait for a request head.
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.received.store(false, Relaxed);
        let sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
        Box::pin(HeadSleep { sleep, limit: Some(self.limit), received: self.received.clone() })
    }
}

struct HeadSleep {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// The head timeout; `None` once the head has begun and the timeout is set.
    limit: Option<Duration>,
    received: Arc<AtomicBool>,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    /// Polled by hyper after each read.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.received.load(Relaxed)
            && let Some(limit) = self.limit.take()
        {
            self.sleep.as_mut().reset(tokio::time::Instant::now() + limit);
        }
        self.sleep.as_mut().poll(cx)
    }
}
