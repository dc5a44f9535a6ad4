//! One connection, of either subprotocol: a single task that reads, runs its operations and writes.

mod handlers;

use std::{
    borrow::Cow,
    future::Future,
    ops::ControlFlow::Break,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use tokio_util::sync::WaitForCancellationFutureOwned;
use tungstenite::{Message, error::Error};

use super::{
    identity::{Identity, Verdict},
    operations::{Operations, Outcome},
    timers::{Clock, Due},
};
use crate::http::{
    middleware::{client_address::Client, request_id::RequestId},
    server::Lifecycle,
    state::Http,
    websocket::{
        ready_sources::{Gate, Wakeups},
        transport::{frames::Frames, protocol::Protocol},
    },
};

/// How a connection ends.
pub(in crate::http::websocket) enum End {
    /// We close it.
    Close(u16, Cow<'static, str>),
    /// The other side closes it; the answer is on its way.
    Closed,
    /// The other side has left.
    Gone,
}

enum Event {
    /// Stop now.
    Killed,
    /// The server is stopping.
    Stopping,
    Received(Option<Result<Message, Error>>),
    Checked(Verdict),
    Outcome(Outcome),
    Due(Due),
    /// The server is stopping and everything it waited for was sent.
    Drained,
    WriteFailed,
}

/// What a socket is served with, and what is known of whoever opened it.
pub(in crate::http::websocket) struct Opening {
    pub(in crate::http::websocket) http: Arc<Http>,
    pub(in crate::http::websocket) lifecycle: Lifecycle,
    pub(in crate::http::websocket) id: RequestId,
    pub(in crate::http::websocket) client: Client,
    /// The header of the handshake.
    pub(in crate::http::websocket) authorization: Option<String>,
}

pub(in crate::http::websocket) struct Socket {
    wakeups: Arc<Wakeups>,
    /// What they wake.
    waker: Option<Waker>,
    frames: Frames,
    protocol: Protocol,
    http: Arc<Http>,
    lifecycle: Lifecycle,
    id: RequestId,
    client: Client,
    identity: Identity,
    operations: Operations,
    operations_started: u64,
    operations_first: bool,
    /// Stands before what happens once in a while: the end of the server, the timer, news of the identity.
    seldom: Gate,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    shut_down: Pin<Box<WaitForCancellationFutureOwned>>,
    clock: Clock,
}

/// Serves the connection to its end. Written out and boxed alone, since each delivery comes through here.
impl Future for Socket {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let event = ready!(self.poll_event(cx));
            if let Break(end) = self.handle(event) {
                return Poll::Ready(end);
            }
        }
    }
}

impl Socket {
    /// A connection that speaks `protocol`.
    pub(in crate::http::websocket) fn new(
        frames: Frames,
        wakeups: Arc<Wakeups>,
        protocol: Protocol,
        opening: Opening,
    ) -> Box<Self> {
        let Opening { http, lifecycle, id, client, authorization } = opening;
        let clock = Clock::new(&http.options.websocket);
        Box::new(Self {
            frames,
            protocol,
            identity: Identity::unknown(http.clone(), authorization),
            http,
            killed: Box::pin(lifecycle.kill.clone().cancelled_owned()),
            shut_down: Box::pin(lifecycle.shutdown.clone().cancelled_owned()),
            lifecycle,
            id,
            client,
            operations: Operations::new(wakeups.clone()),
            operations_started: 0,
            operations_first: false,
            seldom: Gate::new(&wakeups, 1),
            wakeups,
            waker: None,
            clock,
        })
    }

    /// What is left to do at the end.
    pub(in crate::http::websocket) async fn finish(self: Box<Self>, end: End) {
        let Self { frames, operations, identity, .. } = *self;
        drop((operations, identity));
        match end {
            End::Close(code, reason) => {
                tracing::debug!(code, %reason, "closing");
                frames.close(code, &reason).await;
            }
            End::Closed => frames.closed().await,
            End::Gone => tracing::debug!("the client left"),
        }
    }

    /// Sends what waits, then waits for the next thing to handle.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.wakeups.set_waker(cx.waker().clone());
        }
        match self.poll_seldom() {
            Poll::Pending => {}
            silence @ Poll::Ready(Event::Due(Due::Silence)) => {
                // What the client said while this process was paused has not been read yet.
                let heard = self.poll_receive(true);
                return if heard.is_ready() { heard } else { silence };
            }
            event => return event,
        }
        let Ok(writable) = self.frames.poll_ready(cx) else { return Poll::Ready(Event::WriteFailed) };
        if self.clock.is_leaving() && !self.operations.has_short_ones() && self.frames.is_empty() {
            return Poll::Ready(Event::Drained);
        }
        // In turns, so that neither a talkative client nor a busy subscription shuts the other out.
        self.operations_first = !self.operations_first;
        let mut event = Poll::Pending;
        for operations in [self.operations_first, !self.operations_first] {
            if event.is_pending() {
                event = if operations { self.poll_operations(writable) } else { self.poll_receive(writable) };
            }
        }
        match self.frames.poll_flush(cx, event.is_pending()) {
            Ok(()) => event,
            Err(_) => Poll::Ready(Event::WriteFailed),
        }
    }

    fn poll_seldom(&mut self) -> Poll<Event> {
        let Self { seldom, killed, shut_down, clock, identity, .. } = self;
        seldom.poll(|cx| {
            if killed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Killed);
            }
            if !clock.is_stopping() && shut_down.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Stopping);
            }
            if let Poll::Ready(due) = clock.poll(cx) {
                return Poll::Ready(Event::Due(due));
            }
            identity.poll(cx).map(Event::Checked)
        })
    }

    fn poll_operations(&mut self, writable: bool) -> Poll<Event> {
        if !writable {
            return Poll::Pending;
        }
        self.operations.poll_next().map(Event::Outcome)
    }

    fn poll_receive(&mut self, writable: bool) -> Poll<Event> {
        // What a client says after a token counts once the token does. Only the opening of the modern protocol has to
        // be waited for by the client.
        let opening = self.protocol == Protocol::Modern && self.identity.viewer().is_none();
        if self.identity.is_checking() && !opening {
            return Poll::Pending;
        }
        self.frames.poll_receive(writable).map(Event::Received)
    }
}
