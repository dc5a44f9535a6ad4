//! One WebSocket session: a single task that reads messages, runs operations and writes results.

mod handlers;
mod send;

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
    identity::{Identity, IdentityEvent},
    operations::{OperationEvent, Operations},
    timers::{SocketTimers, TimerEvent},
};
use crate::http::{
    middleware::{client_address::LimitedClient, request_id::RequestId},
    server::Shutdown,
    state::HttpState,
    websocket::{
        ready_sources::{PollOnWake, ReadySources},
        transport::{frames::FramedSocket, protocol::Protocol},
    },
};

/// How a session ends.
pub(in crate::http::websocket) enum SocketEnd {
    /// The server closes it with this code and reason.
    Close(u16, Cow<'static, str>),
    /// The client sent a close frame; the reply is being sent.
    PeerClosed,
    /// The connection is lost, or closed without a handshake.
    Disconnected,
}

enum SocketEvent {
    /// The server aborts everything that still runs.
    Aborted,
    /// The server is stopping.
    Stopping,
    Received(Option<Result<Message, Error>>),
    Identity(IdentityEvent),
    Operation(OperationEvent),
    Timer(TimerEvent),
    /// The server is stopping, and nothing is left to wait for.
    Drained,
    WriteFailed,
}

/// The parts of the server and of the handshake request that a session needs.
pub(in crate::http::websocket) struct SocketContext {
    pub(in crate::http::websocket) http: Arc<HttpState>,
    pub(in crate::http::websocket) shutdown: Shutdown,
    pub(in crate::http::websocket) id: RequestId,
    pub(in crate::http::websocket) client: LimitedClient,
    /// The `Authorization` header of the handshake.
    pub(in crate::http::websocket) authorization: Option<String>,
}

pub(in crate::http::websocket) struct Socket {
    ready: Arc<ReadySources>,
    /// The waker that `ready` wakes.
    waker: Option<Waker>,
    frames: FramedSocket,
    protocol: Protocol,
    http: Arc<HttpState>,
    shutdown: Shutdown,
    id: RequestId,
    client: LimitedClient,
    identity: Identity,
    operations: Operations,
    operations_started: u64,
    operations_first: bool,
    /// Guards the sources that are rarely ready: shutdown, timers and authentication.
    control: PollOnWake,
    aborted: Pin<Box<WaitForCancellationFutureOwned>>,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    timers: SocketTimers,
}

/// Runs the session to its end. A hand-written, boxed future, because every delivery passes through it.
impl Future for Socket {
    type Output = SocketEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<SocketEnd> {
        loop {
            let event = ready!(self.poll_event(cx));
            if let Break(end) = self.handle(event) {
                return Poll::Ready(end);
            }
        }
    }
}

impl Socket {
    /// A session that uses `protocol`.
    pub(in crate::http::websocket) fn new(
        frames: FramedSocket,
        ready: Arc<ReadySources>,
        protocol: Protocol,
        context: SocketContext,
    ) -> Box<Self> {
        let SocketContext { http, shutdown, id, client, authorization } = context;
        let timers = SocketTimers::new(&http.options.websocket);
        Box::new(Self {
            frames,
            protocol,
            identity: Identity::unknown(http.clone(), authorization),
            http,
            aborted: Box::pin(shutdown.abort.clone().cancelled_owned()),
            draining: Box::pin(shutdown.draining.clone().cancelled_owned()),
            shutdown,
            id,
            client,
            operations: Operations::new(ready.clone()),
            operations_started: 0,
            operations_first: false,
            control: PollOnWake::new(&ready, 1),
            ready,
            waker: None,
            timers,
        })
    }

    /// Stops all operations and closes the connection.
    pub(in crate::http::websocket) async fn finish(self: Box<Self>, end: SocketEnd) {
        let Self { frames, operations, identity, .. } = *self;
        drop((operations, identity));
        match end {
            SocketEnd::Close(code, reason) => {
                tracing::debug!(code, %reason, "closing");
                frames.close(code, &reason).await;
            }
            SocketEnd::PeerClosed => frames.reply_to_close().await,
            SocketEnd::Disconnected => tracing::debug!("the client left"),
        }
    }

    /// Sends what is buffered, then waits for the next event.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<SocketEvent> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.ready.set_waker(cx.waker().clone());
        }
        match self.poll_control() {
            Poll::Pending => {}
            timeout @ Poll::Ready(SocketEvent::Timer(TimerEvent::PeerTimeout)) => {
                // If this process was paused, there may be unread messages of the client.
                let received = self.poll_receive(true);
                return if received.is_ready() { received } else { timeout };
            }
            event => return event,
        }
        let Ok(writable) = self.frames.poll_ready(cx) else { return Poll::Ready(SocketEvent::WriteFailed) };
        if self.timers.should_close() && !self.operations.has_finite() && self.frames.is_empty() {
            return Poll::Ready(SocketEvent::Drained);
        }
        // Alternates, so that neither a client with many messages nor a busy subscription starves the other.
        self.operations_first = !self.operations_first;
        let mut event = Poll::Pending;
        for operations in [self.operations_first, !self.operations_first] {
            if event.is_pending() {
                event = if operations { self.poll_operations(writable) } else { self.poll_receive(writable) };
            }
        }
        match self.frames.poll_flush(cx, event.is_pending()) {
            Ok(()) => event,
            Err(_) => Poll::Ready(SocketEvent::WriteFailed),
        }
    }

    fn poll_control(&mut self) -> Poll<SocketEvent> {
        let Self { control, aborted, draining, timers, identity, .. } = self;
        control.poll(|cx| {
            if aborted.as_mut().poll(cx).is_ready() {
                return Poll::Ready(SocketEvent::Aborted);
            }
            if !timers.is_draining() && draining.as_mut().poll(cx).is_ready() {
                return Poll::Ready(SocketEvent::Stopping);
            }
            if let Poll::Ready(due) = timers.poll(cx) {
                return Poll::Ready(SocketEvent::Timer(due));
            }
            identity.poll(cx).map(SocketEvent::Identity)
        })
    }

    fn poll_operations(&mut self, writable: bool) -> Poll<SocketEvent> {
        if !writable {
            return Poll::Pending;
        }
        self.operations.poll_next().map(SocketEvent::Operation)
    }

    fn poll_receive(&mut self, writable: bool) -> Poll<SocketEvent> {
        // Messages behind a token are read once it was checked. In the modern protocol a client must wait for the
        // acknowledgement before it sends anything else, so reading continues while the first token is checked.
        let opening = self.protocol == Protocol::Modern && self.identity.viewer().is_none();
        if (self.identity.is_checking() && !opening) || self.timers.pauses_reading() {
            return Poll::Pending;
        }
        self.frames.poll_receive(writable).map(SocketEvent::Received)
    }
}
