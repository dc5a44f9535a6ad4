//! One connection, of either subprotocol: a single task that reads, runs its operations and writes.

use std::{
    borrow::Cow,
    future::Future,
    ops::ControlFlow::{self, Break, Continue},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use async_graphql::ServerError;
use futures_util::FutureExt;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tungstenite::{
    Message,
    error::{Error, ProtocolError},
};

use super::{
    clock::{Clock, Due},
    frames::Frames,
    gate::{Gate, Wakeups},
    identity::{Identity, Verdict},
    operations::{Operations, Outcome, Prepared},
    protocol::{ClientMessage, Invalid, Protocol, ServerMessage},
};
use crate::{
    graphql::{self, Body, OperationRequest},
    http::{client::Client, error::coded, observe::RequestId, router::Http, serve::Lifecycle, wire},
    telemetry::metrics,
};

/// How a connection ends.
pub(super) enum End {
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
pub(super) struct Opening {
    pub(super) http: Arc<Http>,
    pub(super) lifecycle: Lifecycle,
    pub(super) id: RequestId,
    pub(super) client: Client,
    /// The header of the handshake.
    pub(super) authorization: Option<String>,
}

pub(super) struct Socket {
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
    pub(super) fn new(frames: Frames, wakeups: Arc<Wakeups>, protocol: Protocol, opening: Opening) -> Box<Self> {
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
    pub(super) async fn finish(self: Box<Self>, end: End) {
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
        if let Poll::Ready(event) = self.poll_seldom() {
            return Poll::Ready(event);
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

    fn handle(&mut self, event: Event) -> ControlFlow<End> {
        self.frames.handled_event();
        match event {
            Event::Killed => Break(End::Gone),
            Event::Stopping => {
                let leave_in = self.lifecycle.wait_before_leaving(self.http.options.drain_spread);
                self.clock.stops(leave_in, self.lifecycle.drain);
                Continue(())
            }
            Event::Received(Some(Ok(message))) => {
                self.clock.heard();
                self.handle_frame(message)
            }
            Event::Received(Some(Err(error))) => Break(self.end_of(&error)),
            Event::Received(None) | Event::WriteFailed => Break(End::Gone),
            Event::Checked(verdict) => self.checked(verdict),
            Event::Outcome(outcome) => {
                self.handle_outcome(outcome);
                Continue(())
            }
            Event::Due(due) => self.handle_due(due),
            Event::Drained => Break(going_away()),
        }
    }

    fn check(&mut self, authorization: Option<String>) {
        self.identity.check(authorization);
        self.seldom.open();
    }

    fn handle_frame(&mut self, message: Message) -> ControlFlow<End> {
        match message {
            Message::Text(text) if text.len() > self.http.options.websocket.max_message => Break(self.too_big()),
            Message::Text(text) => match self.protocol.read(&text) {
                Ok(message) => self.handle_message(message),
                Err(invalid) => self.invalid(invalid),
            },
            Message::Binary(_) => Break(End::Close(4400, "Binary messages are not part of the protocol".into())),
            // Pings are answered below this layer.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Continue(()),
            Message::Close(_) => Break(End::Closed),
        }
    }

    fn handle_message(&mut self, message: ClientMessage) -> ControlFlow<End> {
        match message {
            ClientMessage::Init { authorization } => self.init(authorization),
            ClientMessage::Renew { authorization } => self.renew(authorization),
            ClientMessage::Ping { payload } => {
                self.send(ServerMessage::Pong { payload });
                Continue(())
            }
            ClientMessage::Pong => Continue(()),
            ClientMessage::Subscribe { id, request } => self.subscribe(id, *request),
            ClientMessage::Complete { id } => {
                let stopped = self.operations.stop(&id);
                if stopped && self.protocol == Protocol::Legacy {
                    self.send(ServerMessage::Complete { id: &id });
                }
                Continue(())
            }
            ClientMessage::Terminate => Break(End::Close(1000, "Terminated".into())),
        }
    }

    /// The legacy protocol tells of it and goes on.
    fn invalid(&mut self, Invalid { reason, id }: Invalid) -> ControlFlow<End> {
        match (self.protocol, id) {
            (Protocol::Modern, _) => return Break(End::Close(4400, reason)),
            (Protocol::Legacy, Some(id)) => self.refuse(&id, coded(reason, "BAD_USER_INPUT")),
            (Protocol::Legacy, None) => {
                self.send(ServerMessage::Refused { reason: &reason });
            }
        }
        Continue(())
    }

    fn init(&mut self, authorization: Option<String>) -> ControlFlow<End> {
        if !self.clock.opens() {
            return match (self.protocol, authorization) {
                (Protocol::Modern, _) => Break(End::Close(4429, "Too many initialisation requests".into())),
                (Protocol::Legacy, Some(authorization)) => self.renew(authorization),
                (Protocol::Legacy, None) => {
                    self.send(ServerMessage::Ack);
                    Continue(())
                }
            };
        }
        self.check(authorization);
        Continue(())
    }

    fn renew(&mut self, authorization: String) -> ControlFlow<End> {
        if self.identity.viewer().is_none() {
            return self.refuse_connection(4401, "Unauthorized".into());
        }
        self.check(Some(authorization));
        Continue(())
    }

    fn checked(&mut self, verdict: Verdict) -> ControlFlow<End> {
        match verdict {
            Verdict::Opened => {
                self.send(ServerMessage::Ack);
                self.send(ServerMessage::KeepAlive);
            }
            Verdict::Renewed(expires_at) => {
                self.send(ServerMessage::Renewed { expires_at });
            }
            Verdict::Refused(code, reason) => return self.refuse_connection(code, reason),
        }
        self.clock.expires(self.identity.expires_at());
        Continue(())
    }

    fn refuse_connection(&mut self, code: u16, reason: Cow<'static, str>) -> ControlFlow<End> {
        self.send(ServerMessage::Refused { reason: &reason });
        Break(End::Close(code, reason))
    }

    fn subscribe(&mut self, id: String, request: OperationRequest) -> ControlFlow<End> {
        let Some(viewer) = self.identity.viewer() else { return self.refuse_connection(4401, "Unauthorized".into()) };
        if self.operations.contains(&id) {
            match self.protocol {
                Protocol::Modern => {
                    return Break(End::Close(4409, format!("Subscriber for {id} already exists").into()));
                }
                Protocol::Legacy => self.operations.stop(&id),
            };
        }
        let limit = self.http.options.websocket.max_operations;
        if self.clock.is_stopping() {
            // The sooner it asks another node, the better.
            self.clock.leaves_now();
            if self.operations.has_short_ones() {
                self.refuse(&id, coded("The server is shutting down: connect again.", "UNAVAILABLE"));
            }
        } else if self.operations.count() >= limit {
            let message = format!("At most {limit} operations may run at once on one socket.");
            self.refuse(&id, coded(message, "BAD_USER_INPUT"));
        } else {
            self.operations_started += 1;
            let request_id = self.id.child(self.operations_started);
            let (endpoint, client) = (self.http.endpoint.clone(), self.client.0);
            let preparing = async move {
                let prepared = endpoint.prepare(request, client).await;
                let short = !prepared.as_ref().is_ok_and(graphql::Prepared::subscribes);
                Prepared { short, opening: wire::answers(endpoint, viewer, prepared).boxed() }
            };
            self.operations.start(id, request_id, preparing.boxed());
        }
        Continue(())
    }

    fn refuse(&mut self, id: &str, error: ServerError) {
        self.send(ServerMessage::Error { id, errors: &[error] });
    }

    fn handle_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Next { id, body } => {
                if self.send(ServerMessage::Next { id: &id, payload: (&body).into() }) {
                    if let Body::Written(_) = body {
                        metrics().deliveries.of(self.protocol.transport()).inc();
                    }
                } else {
                    self.operations.stop(&id);
                    self.refuse(&id, coded("The result is larger than a message can be.", "QUERY_TOO_COMPLEX"));
                }
            }
            Outcome::Error { id, errors } => {
                self.send(ServerMessage::Error { id: &id, errors: &errors });
            }
            Outcome::Complete { id } => {
                self.send(ServerMessage::Complete { id: &id });
            }
        }
    }

    /// Queues a message, if the protocol has it; false when it is too large to be sent.
    fn send(&mut self, message: ServerMessage<'_>) -> bool {
        self.frames.push_text(|text| self.protocol.write(message, text)).unwrap_or_else(|error| {
            tracing::error!(%error, "a message could not be written as JSON");
            false
        })
    }

    fn handle_due(&mut self, due: Due) -> ControlFlow<End> {
        match due {
            Due::Expiry => return Break(End::Close(4403, "Token expired".into())),
            Due::InitTimeout => return Break(End::Close(4408, "Connection initialisation timeout".into())),
            Due::Stop => return Break(going_away()),
            Due::Silence => return Break(End::Gone),
            Due::Ping => {}
        }
        // A ping behind other messages would tell nothing they don't.
        if self.frames.is_empty() {
            self.frames.push_ping();
        }
        if self.identity.viewer().is_some() {
            self.send(ServerMessage::KeepAlive);
        }
        Continue(())
    }

    fn end_of(&self, error: &Error) -> End {
        match error {
            Error::Capacity(_) => self.too_big(),
            Error::Utf8(_) => End::Close(1007, "Text is not UTF-8".into()),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Gone,
            Error::Protocol(_) => End::Close(1002, "WebSocket protocol error".into()),
            _ => End::Gone,
        }
    }

    fn too_big(&self) -> End {
        let limit = self.http.options.websocket.max_message;
        End::Close(1009, format!("Message is larger than {limit} bytes").into())
    }
}

fn going_away() -> End {
    End::Close(1001, "Going away".into())
}
