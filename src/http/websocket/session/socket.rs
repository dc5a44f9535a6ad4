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

/// How a connection ends.
pub(in crate::http::websocket) enum SocketEnd {
    /// We close it.
    Close(u16, Cow<'static, str>),
    /// The other side closes it; the answer is on its way.
    PeerClosed,
    /// The other side has left.
    Disconnected,
}

enum SocketEvent {
    /// Stop now.
    Killed,
    /// The server is stopping.
    Stopping,
    Received(Option<Result<Message, Error>>),
    Identity(IdentityEvent),
    Operation(OperationEvent),
    Timer(TimerEvent),
    /// The server is stopping and everything it waited for was sent.
    Drained,
    WriteFailed,
}

/// What a socket is served with, and what is known of whoever opened it.
pub(in crate::http::websocket) struct SocketContext {
    pub(in crate::http::websocket) http: Arc<HttpState>,
    pub(in crate::http::websocket) shutdown: Shutdown,
    pub(in crate::http::websocket) id: RequestId,
    pub(in crate::http::websocket) client: LimitedClient,
    /// The header of the handshake.
    pub(in crate::http::websocket) authorization: Option<String>,
}

pub(in crate::http::websocket) struct Socket {
    ready: Arc<ReadySources>,
    /// What they wake.
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
    /// Stands before what happens once in a while: the end of the server, the timer, news of the identity.
    control: PollOnWake,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    shut_down: Pin<Box<WaitForCancellationFutureOwned>>,
    timers: SocketTimers,
}

/// Serves the connection to its end. Written out and boxed alone, since each delivery comes through here.
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
    /// A connection that speaks `protocol`.
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
            killed: Box::pin(shutdown.abort.clone().cancelled_owned()),
            shut_down: Box::pin(shutdown.draining.clone().cancelled_owned()),
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

    /// What is left to do at the end.
    pub(in crate::http::websocket) async fn finish(self: Box<Self>, end: SocketEnd) {
        let Self { frames, operations, identity, .. } = *self;
        drop((operations, identity));
        match end {
            SocketEnd::Close(code, reason) => {
                tracing::debug!(code, %reason, "closing");
                frames.close(code, &reason).await;
            }
            SocketEnd::PeerClosed => frames.closed().await,
            SocketEnd::Disconnected => tracing::debug!("the client left"),
        }
    }

    /// Sends what waits, then waits for the next thing to handle.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<SocketEvent> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.ready.set_waker(cx.waker().clone());
        }
        match self.poll_control() {
            Poll::Pending => {}
            silence @ Poll::Ready(SocketEvent::Timer(TimerEvent::PeerTimeout)) => {
                // What the client said while this process was paused has not been read yet.
                let heard = self.poll_receive(true);
                return if heard.is_ready() { heard } else { silence };
            }
            event => return event,
        }
        let Ok(writable) = self.frames.poll_ready(cx) else { return Poll::Ready(SocketEvent::WriteFailed) };
        if self.timers.is_leaving() && !self.operations.has_finite() && self.frames.is_empty() {
            return Poll::Ready(SocketEvent::Drained);
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
            Err(_) => Poll::Ready(SocketEvent::WriteFailed),
        }
    }

    fn poll_control(&mut self) -> Poll<SocketEvent> {
        let Self { control, killed, shut_down, timers, identity, .. } = self;
        control.poll(|cx| {
            if killed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(SocketEvent::Killed);
            }
            if !timers.is_stopping() && shut_down.as_mut().poll(cx).is_ready() {
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
        // What a client says after a token counts once the token does. Only the context of the modern protocol has to
        // be waited for by the client.
        let context = self.protocol == Protocol::Modern && self.identity.viewer().is_none();
        if self.identity.is_checking() && !context {
            return Poll::Pending;
        }
        self.frames.poll_receive(writable).map(SocketEvent::Received)
    }
}
