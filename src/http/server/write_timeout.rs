//! The timeout for clients that do not read what is sent to them.
//!
//! Decision: `docs/decisions/0025-rows-and-loaded-bytes.md`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use crate::telemetry::metrics;

/// Bytes that a client must take for each second that the server has waited for it.
const BYTES_PER_SECOND: u32 = 4 * 1024;

/// How long a connection has waited for its client to read. A client that takes bytes pays back what it has used of the
/// limit, so one that reads slowly is served, and one that hardly reads is not, whatever the size of the writes.
pub(super) struct WriteTimeout {
    limit: Duration,
    /// The time that was waited and not paid back, without the present wait.
    waited: Duration,
    /// The present wait; boxed, because most connections do not wait.
    wait: Option<Box<Wait>>,
}

struct Wait {
    since: Instant,
    over: Pin<Box<Sleep>>,
}

impl WriteTimeout {
    /// A connection that has not waited yet and may wait for `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, waited: Duration::ZERO, wait: None }
    }

    /// Passes on the result of a write. While the client does not read, this wakes the task when the time is over.
    /// Errors: `TimedOut` then.
    pub(super) fn check(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            if let Ok(bytes) = &result {
                self.pay_back(*bytes);
            }
            return Poll::Ready(result);
        }
        let left = self.limit.saturating_sub(self.waited);
        let wait =
            self.wait.get_or_insert_with(|| Box::new(Wait { since: Instant::now(), over: Box::pin(sleep(left)) }));
        ready!(wait.over.as_mut().poll(cx));
        metrics().refusals.with_labels(["write_timeout"]).inc();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn pay_back(&mut self, bytes: usize) {
        if let Some(wait) = self.wait.take() {
            self.waited += wait.since.elapsed();
        }
        if !self.waited.is_zero() {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.waited = self.waited.saturating_sub(Duration::from_secs(1) * bytes / BYTES_PER_SECOND);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A connection whose client took these bytes after it had waited for these seconds.
    async fn write_after(timeout: &mut WriteTimeout, seconds: u64, bytes: usize) {
        let blocked = poll_fn(|cx| Poll::Ready(timeout.check(cx, Poll::Pending))).await;
        assert!(blocked.is_pending(), "the time is not over");
        let since = Instant::now().checked_sub(Duration::from_secs(seconds)).expect("a time that the clock has");
        timeout.wait.as_mut().expect("it waits").since = since;
        let written = poll_fn(|cx| Poll::Ready(timeout.check(cx, Poll::Ready(Ok(bytes))))).await;
        assert!(matches!(written, Poll::Ready(Ok(count)) if count == bytes));
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_pays_back_the_time_it_made_the_server_wait() {
        let mut timeout = WriteTimeout::new(LIMIT);
        for _ in 0..10 {
            write_after(&mut timeout, 5, 21 * 1024).await;
            assert_eq!(timeout.waited, Duration::ZERO, "it reads as fast as it must");
        }
        write_after(&mut timeout, 4, 4 * 1024).await;
        write_after(&mut timeout, 4, 10).await;
        assert_eq!(timeout.waited.as_secs(), 6, "few bytes do not start the time anew");
        let written = poll_fn(|cx| Poll::Ready(timeout.check(cx, Poll::Ready(Ok(1 << 30))))).await;
        assert!(written.is_ready());
        assert_eq!(timeout.waited, Duration::ZERO, "many bytes pay for all of it");
    }

    #[tokio::test]
    async fn a_client_that_hardly_reads_is_given_up_when_the_time_is_over() {
        let mut timeout = WriteTimeout::new(LIMIT);
        write_after(&mut timeout, 11, 10).await;
        let error = poll_fn(|cx| timeout.check(cx, Poll::Pending)).await.expect_err("the time is over");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
