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
pub(in crate::http::websocket) enum Due {
    /// The token has expired.
    Expiry,
    /// The client has not opened the connection.
    InitTimeout,
    /// The server stops.
    Stop,
    /// Nothing was heard of the client for too long.
    Silence,
    /// A ping.
    Ping,
}

/// The times of a connection.
pub(in crate::http::websocket) struct Clock {
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

impl Clock {
    /// Of a connection that begins now.
    pub(in crate::http::websocket) fn new(options: &WebSocketOptions) -> Self {
        let now = Instant::now();
        let mut clock = Self {
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
        clock.set_timer();
        clock
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
    pub(in crate::http::websocket) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Due> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let due = self.due(now);
            if due == Some(Due::Ping) {
                self.ping_at = now + self.ping_interval;
            }
            self.set_timer();
            if let Some(due) = due {
                return Poll::Ready(due);
            }
        }
    }

    fn due(&self, now: Instant) -> Option<Due> {
        let times = [
            (self.expires_at, Due::Expiry),
            (self.init_until, Due::InitTimeout),
            (self.drain_until, Due::Stop),
            (Some(self.heard_at + self.dead_after), Due::Silence),
            (Some(self.ping_at), Due::Ping),
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
    fn clock() -> (Clock, Instant) {
        let clock = Clock::new(&WebSocketOptions::default());
        let start = clock.heard_at;
        (clock, start)
    }

    #[tokio::test]
    async fn a_client_has_to_open_the_connection() {
        let (mut clock, start) = clock();
        assert_eq!(clock.next_at(start), start + seconds(3));
        assert_eq!(clock.due(start + seconds(2)), None);
        assert_eq!(clock.due(start + seconds(3)), Some(Due::InitTimeout));
        assert!(clock.opens() && !clock.opens());
        assert_eq!(clock.due(start + seconds(3)), None);
    }

    #[tokio::test]
    async fn a_client_is_pinged_and_missed_when_it_says_nothing() {
        let (mut clock, start) = clock();
        clock.opens();
        assert_eq!(clock.next_at(start), start + seconds(12));
        assert_eq!(clock.due(start + seconds(12)), Some(Due::Ping));
        clock.ping_at = start + seconds(36);
        assert_eq!(clock.next_at(start), start + seconds(30));
        assert_eq!(clock.due(start + seconds(30)), Some(Due::Silence));
        clock.heard_at = start + seconds(29);
        assert_eq!(clock.due(start + seconds(30)), None);
    }

    #[tokio::test]
    async fn a_token_expires() {
        let (mut clock, start) = clock();
        clock.opens();
        clock.expires(Some(start + seconds(5)));
        assert_eq!(clock.next_at(start), start + seconds(5));
        assert_eq!(clock.due(start + seconds(5)), Some(Due::Expiry));
        clock.expires(Some(start + seconds(9)));
        assert_eq!(clock.due(start + seconds(5)), None);
    }

    #[tokio::test]
    async fn a_connection_leaves_before_the_server_stops() {
        let (mut clock, start) = clock();
        clock.opens();
        assert!(!clock.is_stopping());
        clock.stops(Duration::ZERO, seconds(5));
        assert!(clock.is_stopping() && clock.is_leaving());
        // It is looked at then, and not again and again.
        clock.leave_at = Some(start + seconds(2));
        assert!(!clock.is_leaving());
        assert_eq!(clock.next_at(start), start + seconds(2));
        assert_eq!(clock.due(start + seconds(2)), None);
        assert!(clock.next_at(start + seconds(2)) > start + seconds(2));
        assert_eq!(clock.due(start + seconds(6)), Some(Due::Stop));
        clock.leaves_now();
        assert!(clock.is_leaving());
    }
}
