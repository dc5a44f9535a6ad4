//! Timers of a socket: pings and timeouts.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::options::WebSocketOptions;

/// A timer that fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::websocket) enum TimerEvent {
    /// The access token has expired.
    TokenExpired,
    /// The client has not sent `connection_init` in time.
    InitTimeout,
    /// The server is stopping and the time to finish operations is over.
    DrainTimeout,
    /// Nothing was received from the client for too long.
    PeerTimeout,
    /// It is time to send a ping.
    Ping,
}

/// All timers of one socket, driven by a single sleep.
pub(in crate::http::websocket) struct SocketTimers {
    timer: Pin<Box<Sleep>>,
    ping_interval: Duration,
    dead_after: Duration,
    ping_at: Instant,
    received_at: Instant,
    /// The deadline for `connection_init`; `None` once it was.
    init_until: Option<Instant>,
    expires_at: Option<Instant>,
    /// While the server is stopping: when the connection is closed at the latest.
    drain_until: Option<Instant>,
    /// While the server is stopping: when the connection may close, once no query or mutation runs.
    close_at: Option<Instant>,
    /// Before this time nothing is read from the client.
    read_at: Option<Instant>,
}

impl SocketTimers {
    /// The timers of a connection that begins now.
    pub(in crate::http::websocket) fn new(options: &WebSocketOptions) -> Self {
        let now = Instant::now();
        let mut timers = Self {
            timer: Box::pin(sleep_until(now)),
            ping_interval: options.ping_interval,
            dead_after: options.dead_after,
            ping_at: now + options.ping_interval,
            received_at: now,
            init_until: Some(now + options.init_timeout),
            expires_at: None,
            drain_until: None,
            close_at: None,
            read_at: None,
        };
        timers.set_timer();
        timers
    }

    /// Records that something was received from the client.
    pub(in crate::http::websocket) fn record_received(&mut self) {
        self.received_at = Instant::now();
    }

    /// Stops the timeout for `connection_init`. Returns false if it was stopped before.
    pub(in crate::http::websocket) fn stop_init_timeout(&mut self) -> bool {
        self.init_until.take().is_some()
    }

    /// Sets when the access token expires.
    pub(in crate::http::websocket) fn set_expiry(&mut self, at: Option<Instant>) {
        self.expires_at = at;
        self.set_timer();
    }

    /// Stops reading from the client for this time.
    pub(in crate::http::websocket) fn pause_reading(&mut self, time: Duration) {
        self.read_at = Some(Instant::now() + time);
        self.set_timer();
    }

    /// Whether nothing is to be read from the client now.
    pub(in crate::http::websocket) fn pauses_reading(&self) -> bool {
        self.read_at.is_some_and(|at| at > Instant::now())
    }

    /// Starts the timers of shutdown: the connection may close after `close_in` and must close after `drain`.
    pub(in crate::http::websocket) fn start_draining(&mut self, close_in: Duration, drain: Duration) {
        let now = Instant::now();
        self.close_at = Some(now + close_in);
        self.drain_until = Some(now + drain);
        self.set_timer();
    }

    pub(in crate::http::websocket) fn is_draining(&self) -> bool {
        self.drain_until.is_some()
    }

    /// Lets the connection close without further delay.
    pub(in crate::http::websocket) fn close_now(&mut self) {
        self.close_at = Some(Instant::now());
    }

    /// Whether the connection should close as soon as no query or mutation runs.
    pub(in crate::http::websocket) fn should_close(&self) -> bool {
        self.close_at.is_some_and(|at| at <= Instant::now())
    }

    /// The next timer that fires. Has to be polled again after a time was set.
    pub(in crate::http::websocket) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TimerEvent> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let due = self.fired(now);
            if due == Some(TimerEvent::Ping) {
                self.ping_at = now + self.ping_interval;
            }
            self.set_timer();
            if let Some(due) = due {
                return Poll::Ready(due);
            }
        }
    }

    fn fired(&self, now: Instant) -> Option<TimerEvent> {
        let times = [
            (self.expires_at, TimerEvent::TokenExpired),
            (self.init_until, TimerEvent::InitTimeout),
            (self.drain_until, TimerEvent::DrainTimeout),
            (Some(self.received_at + self.dead_after), TimerEvent::PeerTimeout),
            (Some(self.ping_at), TimerEvent::Ping),
        ];
        times.into_iter().find(|(at, _)| at.is_some_and(|at| at <= now)).map(|(_, due)| due)
    }

    fn set_timer(&mut self) {
        let next = self.next_at(Instant::now());
        self.timer.as_mut().reset(next);
    }

    /// When the next timer fires.
    fn next_at(&self, now: Instant) -> Instant {
        // These times only end the sleep.
        let [close_at, read_at] = [self.close_at, self.read_at].map(|at| at.filter(|at| *at > now));
        let sometimes = [self.init_until, self.expires_at, self.drain_until, close_at, read_at].into_iter().flatten();
        sometimes.fold(self.ping_at.min(self.received_at + self.dead_after), Instant::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Timers with the default options, and when they started: 3 s for `connection_init`, a ping every 12 s, 30 s of
    /// silence.
    fn timers() -> (SocketTimers, Instant) {
        let timers = SocketTimers::new(&crate::app::http_options(&crate::config::Config::default()).websocket);
        let start = timers.received_at;
        (timers, start)
    }

    #[tokio::test]
    async fn the_init_timeout_fires_once_the_client_is_late() {
        let (mut timers, start) = timers();
        assert_eq!(timers.next_at(start), start + seconds(3));
        assert_eq!(timers.fired(start + seconds(2)), None);
        assert_eq!(timers.fired(start + seconds(3)), Some(TimerEvent::InitTimeout));
        assert!(timers.stop_init_timeout() && !timers.stop_init_timeout());
        assert_eq!(timers.fired(start + seconds(3)), None);
    }

    #[tokio::test]
    async fn a_silent_client_is_pinged_and_then_times_out() {
        let (mut timers, start) = timers();
        timers.stop_init_timeout();
        assert_eq!(timers.next_at(start), start + seconds(12));
        assert_eq!(timers.fired(start + seconds(12)), Some(TimerEvent::Ping));
        timers.ping_at = start + seconds(36);
        assert_eq!(timers.next_at(start), start + seconds(30));
        assert_eq!(timers.fired(start + seconds(30)), Some(TimerEvent::PeerTimeout));
        timers.received_at = start + seconds(29);
        assert_eq!(timers.fired(start + seconds(30)), None);
    }

    #[tokio::test]
    async fn the_token_timer_fires_at_the_latest_expiry_set() {
        let (mut timers, start) = timers();
        timers.stop_init_timeout();
        timers.set_expiry(Some(start + seconds(5)));
        assert_eq!(timers.next_at(start), start + seconds(5));
        assert_eq!(timers.fired(start + seconds(5)), Some(TimerEvent::TokenExpired));
        timers.set_expiry(Some(start + seconds(9)));
        assert_eq!(timers.fired(start + seconds(5)), None);
    }

    #[tokio::test]
    async fn reading_goes_on_after_a_pause() {
        let (mut timers, start) = timers();
        timers.stop_init_timeout();
        assert!(!timers.pauses_reading());
        timers.pause_reading(seconds(1));
        assert!(timers.pauses_reading());
        let next = timers.next_at(start);
        assert!(next >= start + seconds(1) && next < start + seconds(12), "the sleep ends then");
        assert_eq!(timers.fired(next), None);
        timers.read_at = Some(Instant::now());
        assert!(!timers.pauses_reading());
    }

    #[tokio::test]
    async fn a_connection_may_close_before_the_drain_timeout() {
        let (mut timers, start) = timers();
        timers.stop_init_timeout();
        assert!(!timers.is_draining());
        timers.start_draining(Duration::ZERO, seconds(5));
        assert!(timers.is_draining() && timers.should_close());
        // The sleep ends then, once.
        timers.close_at = Some(start + seconds(2));
        assert!(!timers.should_close());
        assert_eq!(timers.next_at(start), start + seconds(2));
        assert_eq!(timers.fired(start + seconds(2)), None);
        assert!(timers.next_at(start + seconds(2)) > start + seconds(2));
        assert_eq!(timers.fired(start + seconds(6)), Some(TimerEvent::DrainTimeout));
        timers.close_now();
        assert!(timers.should_close());
    }
}
