//! What has to happen on a connection by itself, and when.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::options::WebSocketOptions;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::websocket) enum TimerEvent {
    /// The token has expired.
    TokenExpired,
    /// The client has not opened the connection.
    InitTimeout,
    /// The server stops.
    DrainTimeout,
    /// Nothing was heard of the client for too long.
    PeerTimeout,
    /// A ping.
    Ping,
}

/// The times of a connection.
pub(in crate::http::websocket) struct SocketTimers {
    timer: Pin<Box<Sleep>>,
    ping_interval: Duration,
    dead_after: Duration,
    ping_at: Instant,
    heard_at: Instant,
    /// `None` once the client has opened the connection.
    init_until: Option<Instant>,
    expires_at: Option<Instant>,
    /// When the connection is closed at the latest, since the server is stopping.
    drain_until: Option<Instant>,
    /// When it is closed once its queries and mutations are answered.
    leave_at: Option<Instant>,
}

impl SocketTimers {
    /// Of a connection that begins now.
    pub(in crate::http::websocket) fn new(options: &WebSocketOptions) -> Self {
        let now = Instant::now();
        let mut timers = Self {
            timer: Box::pin(sleep_until(now)),
            ping_interval: options.ping_interval,
            dead_after: options.dead_after,
            ping_at: now + options.ping_interval,
            heard_at: now,
            init_until: Some(now + options.init_timeout),
            expires_at: None,
            drain_until: None,
            leave_at: None,
        };
        timers.set_timer();
        timers
    }

    /// The client said something.
    pub(in crate::http::websocket) fn heard(&mut self) {
        self.heard_at = Instant::now();
    }

    /// The client opens the connection; false if it did already.
    pub(in crate::http::websocket) fn opens(&mut self) -> bool {
        self.init_until.take().is_some()
    }

    /// The token that counts from now on is good until then.
    pub(in crate::http::websocket) fn expires(&mut self, at: Option<Instant>) {
        self.expires_at = at;
        self.set_timer();
    }

    /// The server stops: the connection is to leave after some time, and has to after more.
    pub(in crate::http::websocket) fn stops(&mut self, leave_in: Duration, drain: Duration) {
        let now = Instant::now();
        self.leave_at = Some(now + leave_in);
        self.drain_until = Some(now + drain);
        self.set_timer();
    }

    pub(in crate::http::websocket) fn is_stopping(&self) -> bool {
        self.drain_until.is_some()
    }

    /// The connection need not wait any longer.
    pub(in crate::http::websocket) fn leaves_now(&mut self) {
        self.leave_at = Some(Instant::now());
    }

    /// Whether the connection is closed as soon as its queries and mutations are answered.
    pub(in crate::http::websocket) fn is_leaving(&self) -> bool {
        self.leave_at.is_some_and(|at| at <= Instant::now())
    }

    /// The next thing that is due. To be asked again after a time was set.
    pub(in crate::http::websocket) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TimerEvent> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let due = self.due(now);
            if due == Some(TimerEvent::Ping) {
                self.ping_at = now + self.ping_interval;
            }
            self.set_timer();
            if let Some(due) = due {
                return Poll::Ready(due);
            }
        }
    }

    fn due(&self, now: Instant) -> Option<TimerEvent> {
        let times = [
            (self.expires_at, TimerEvent::TokenExpired),
            (self.init_until, TimerEvent::InitTimeout),
            (self.drain_until, TimerEvent::DrainTimeout),
            (Some(self.heard_at + self.dead_after), TimerEvent::PeerTimeout),
            (Some(self.ping_at), TimerEvent::Ping),
        ];
        times.into_iter().find(|(at, _)| at.is_some_and(|at| at <= now)).map(|(_, due)| due)
    }

    fn set_timer(&mut self) {
        let next = self.next_at(Instant::now());
        self.timer.as_mut().reset(next);
    }

    /// When the times have to be looked at next.
    fn next_at(&self, now: Instant) -> Instant {
        let leave_at = self.leave_at.filter(|at| *at > now);
        let sometimes = [self.init_until, self.expires_at, self.drain_until, leave_at].into_iter().flatten();
        sometimes.fold(self.ping_at.min(self.heard_at + self.dead_after), Instant::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// With its beginning. Opened after 3 s at the latest, pinged every 12 s and missed after 30 s.
    fn timers() -> (SocketTimers, Instant) {
        let timers = SocketTimers::new(&WebSocketOptions::default());
        let start = timers.heard_at;
        (timers, start)
    }

    #[tokio::test]
    async fn a_client_has_to_open_the_connection() {
        let (mut timers, start) = timers();
        assert_eq!(timers.next_at(start), start + seconds(3));
        assert_eq!(timers.due(start + seconds(2)), None);
        assert_eq!(timers.due(start + seconds(3)), Some(TimerEvent::InitTimeout));
        assert!(timers.opens() && !timers.opens());
        assert_eq!(timers.due(start + seconds(3)), None);
    }

    #[tokio::test]
    async fn a_client_is_pinged_and_missed_when_it_says_nothing() {
        let (mut timers, start) = timers();
        timers.opens();
        assert_eq!(timers.next_at(start), start + seconds(12));
        assert_eq!(timers.due(start + seconds(12)), Some(TimerEvent::Ping));
        timers.ping_at = start + seconds(36);
        assert_eq!(timers.next_at(start), start + seconds(30));
        assert_eq!(timers.due(start + seconds(30)), Some(TimerEvent::PeerTimeout));
        timers.heard_at = start + seconds(29);
        assert_eq!(timers.due(start + seconds(30)), None);
    }

    #[tokio::test]
    async fn a_token_expires() {
        let (mut timers, start) = timers();
        timers.opens();
        timers.expires(Some(start + seconds(5)));
        assert_eq!(timers.next_at(start), start + seconds(5));
        assert_eq!(timers.due(start + seconds(5)), Some(TimerEvent::TokenExpired));
        timers.expires(Some(start + seconds(9)));
        assert_eq!(timers.due(start + seconds(5)), None);
    }

    #[tokio::test]
    async fn a_connection_leaves_before_the_server_stops() {
        let (mut timers, start) = timers();
        timers.opens();
        assert!(!timers.is_stopping());
        timers.stops(Duration::ZERO, seconds(5));
        assert!(timers.is_stopping() && timers.is_leaving());
        // It is looked at then, and not again and again.
        timers.leave_at = Some(start + seconds(2));
        assert!(!timers.is_leaving());
        assert_eq!(timers.next_at(start), start + seconds(2));
        assert_eq!(timers.due(start + seconds(2)), None);
        assert!(timers.next_at(start + seconds(2)) > start + seconds(2));
        assert_eq!(timers.due(start + seconds(6)), Some(TimerEvent::DrainTimeout));
        timers.leaves_now();
        assert!(timers.is_leaving());
    }
}
