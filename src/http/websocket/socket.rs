//! One `graphql-transport-ws` connection: a single task that reads, runs its operations and writes.

use std::{
    borrow::Cow,
    collections::VecDeque,
    future::{Future, poll_fn},
    ops::ControlFlow::{self, Break, Continue},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_graphql::{Request, ServerError};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{Sink, StreamExt, future::BoxFuture};
use tokio::time::{Instant, Sleep};

use super::{
    MAX_OUTGOING, WebSocketOptions,
    operations::{Operations, Outcome},
    protocol::{ClientMessage, Payload, ServerMessage, close_reason},
};
use crate::{
    domain::{Clock, SystemClock, Timestamp, Viewer},
    graphql::Body,
    http::{
        error::{code, coded},
        observe::RequestId,
        params,
        router::Http,
        serve::Lifecycle,
    },
};

/// Answers that may wait for the socket before it is read no further.
const MAX_OUTBOX: usize = 8;

/// Messages taken from a client that does not read, before it is read no further.
const MAX_READS_WHILE_STALLED: u32 = 64;

/// Events handled before what was written so far has to leave.
const MAX_UNFLUSHED: u32 = 32;

/// How long the other side may take for the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How a connection ends.
enum End {
    /// We close it.
    Close(u16, Cow<'static, str>),
    /// The other side closes it; the answer is on its way.
    Closed,
    /// The other side has left.
    Gone,
}

/// Who the client is and when that ends, or why it is nobody.
type Checked = Result<(Viewer, Option<Timestamp>), ServerError>;

/// How far the opening is.
enum Phase {
    /// `connection_init` has not come.
    Waiting,
    /// The token is being checked.
    Checking(BoxFuture<'static, Checked>),
    /// Operations may run.
    Open(Viewer),
}

enum Event {
    Received(Option<Result<Message, axum::Error>>),
    Checked(Checked),
    Outcome(Outcome),
    Timer,
    /// The server is stopping and everything it waited for was sent.
    Drained,
    WriteFailed,
}

pub(super) struct Socket {
    socket: WebSocket,
    http: Arc<Http>,
    lifecycle: Lifecycle,
    id: RequestId,
    /// What the client identifies itself with: the header of the handshake, until `connection_init` says otherwise.
    authorization: Option<Arc<str>>,
    phase: Phase,
    operations: Operations,
    operations_started: u64,
    outbox: VecDeque<Message>,
    events_unflushed: u32,
    reads_while_stalled: u32,
    operations_first: bool,
    timer: Pin<Box<Sleep>>,
    init_deadline: Option<Instant>,
    ping_at: Instant,
    last_frame: Instant,
    expires_at: Option<Instant>,
    drain_until: Option<Instant>,
}

impl Socket {
    pub(super) fn new(
        socket: WebSocket,
        http: Arc<Http>,
        lifecycle: Lifecycle,
        id: RequestId,
        authorization: Option<String>,
    ) -> Box<Self> {
        let now = Instant::now();
        let WebSocketOptions { init_timeout, ping_interval, .. } = http.options.websocket;
        let mut socket = Box::new(Self {
            socket,
            http,
            lifecycle,
            id,
            authorization: authorization.map(Into::into),
            phase: Phase::Waiting,
            operations: Operations::default(),
            operations_started: 0,
            outbox: VecDeque::new(),
            events_unflushed: 0,
            reads_while_stalled: 0,
            operations_first: false,
            timer: Box::pin(tokio::time::sleep_until(now)),
            init_deadline: Some(now + init_timeout),
            ping_at: now + ping_interval,
            last_frame: now,
            expires_at: None,
            drain_until: None,
        });
        socket.set_timer();
        socket
    }

    /// Serves the connection to its end. Boxed, and its end apart, since a socket spends its life waiting in here.
    pub(super) async fn run(mut self: Box<Self>) {
        let end = self.serve().await;
        Box::pin(self.finish(end)).await;
    }

    async fn finish(self: Box<Self>, end: End) {
        let Self { mut socket, operations, phase, .. } = *self;
        drop((operations, phase));
        match end {
            End::Close(code, reason) => {
                tracing::debug!(code, %reason, "closing");
                close(socket, code, &reason).await;
            }
            End::Closed => {
                // Reading on sends the answer.
                let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
                let _ = tokio::time::timeout(CLOSE_TIMEOUT, rest).await;
            }
            End::Gone => tracing::debug!("the client left"),
        }
    }

    async fn serve(&mut self) -> End {
        let Lifecycle { shutdown, kill, drain, .. } = self.lifecycle.clone();
        let (mut shutdown, mut kill) = (pin!(shutdown.cancelled()), pin!(kill.cancelled()));
        loop {
            let flow = tokio::select! {
                biased;
                () = &mut kill => Break(End::Gone),
                () = &mut shutdown, if self.drain_until.is_none() => {
                    self.drain_until = Some(Instant::now() + drain);
                    self.set_timer();
                    Continue(())
                }
                event = poll_fn(|cx| self.poll_event(cx)) => self.handle(event),
            };
            if let Break(end) = flow {
                return end;
            }
        }
    }

    /// Sends what waits, then waits for the next thing to handle.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let Ok(writable) = self.poll_send(cx) else { return Poll::Ready(Event::WriteFailed) };
        if self.drain_until.is_some() && !self.operations.has_short_ones() && self.outbox.is_empty() {
            return Poll::Ready(Event::Drained);
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Event::Timer);
        }
        if let Phase::Checking(viewer) = &mut self.phase
            && let Poll::Ready(checked) = viewer.as_mut().poll(cx)
        {
            return Poll::Ready(Event::Checked(checked));
        }
        // In turns, so that neither a talkative client nor a busy subscription shuts the other out.
        self.operations_first = !self.operations_first;
        let mut event = Poll::Pending;
        for operations in [self.operations_first, !self.operations_first] {
            if event.is_pending() {
                event = if operations { self.poll_operations(cx, writable) } else { self.poll_receive(cx, writable) };
            }
        }
        if event.is_ready() && self.events_unflushed < MAX_UNFLUSHED {
            return event;
        }
        match self.poll_flush(cx) {
            Ok(()) => event,
            Err(_) => Poll::Ready(Event::WriteFailed),
        }
    }

    /// Hands what waits to the socket, as far as it takes it; whether it would take more.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<bool, axum::Error> {
        loop {
            match Pin::new(&mut self.socket).poll_ready(cx)? {
                Poll::Pending => return Ok(false),
                Poll::Ready(()) => self.reads_while_stalled = 0,
            }
            let Some(message) = self.outbox.pop_front() else { return Ok(true) };
            Pin::new(&mut self.socket).start_send(message)?;
            self.events_unflushed = self.events_unflushed.max(1);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), axum::Error> {
        if self.events_unflushed > 0 && Pin::new(&mut self.socket).poll_flush(cx)?.is_ready() {
            self.events_unflushed = 0;
        }
        Ok(())
    }

    fn poll_operations(&mut self, cx: &mut Context<'_>, writable: bool) -> Poll<Event> {
        if !writable {
            return Poll::Pending;
        }
        self.operations.poll_next(cx).map(Event::Outcome)
    }

    /// A client that does not read its answers is soon not read either.
    fn poll_receive(&mut self, cx: &mut Context<'_>, writable: bool) -> Poll<Event> {
        let crowded = self.operations.occupied() >= self.http.options.websocket.max_operations.saturating_mul(2);
        if self.outbox.len() >= MAX_OUTBOX
            || (!writable && (crowded || self.reads_while_stalled >= MAX_READS_WHILE_STALLED))
        {
            return Poll::Pending;
        }
        let received = self.socket.poll_next_unpin(cx);
        if received.is_ready() && !writable {
            self.reads_while_stalled += 1;
        }
        received.map(Event::Received)
    }

    fn handle(&mut self, event: Event) -> ControlFlow<End> {
        if self.events_unflushed > 0 {
            self.events_unflushed += 1;
        }
        match event {
            Event::Received(Some(Ok(message))) => {
                self.last_frame = Instant::now();
                self.handle_frame(message)
            }
            Event::Received(Some(Err(error))) => Break(self.end_of(error)),
            Event::Received(None) | Event::WriteFailed => Break(End::Gone),
            Event::Checked(checked) => self.open(checked),
            Event::Outcome(outcome) => {
                self.handle_outcome(outcome);
                Continue(())
            }
            Event::Timer => self.handle_timer(),
            Event::Drained => Break(going_away()),
        }
    }

    fn handle_frame(&mut self, message: Message) -> ControlFlow<End> {
        match message {
            Message::Text(text) if text.len() > self.http.options.websocket.max_message => Break(self.too_big()),
            Message::Text(text) => match ClientMessage::parse(&text) {
                Ok(message) => self.handle_message(message),
                Err(reason) => Break(End::Close(4400, reason)),
            },
            Message::Binary(_) => Break(End::Close(4400, "Binary messages are not part of the protocol".into())),
            // Pings are answered below this layer.
            Message::Ping(_) | Message::Pong(_) => Continue(()),
            Message::Close(_) => Break(End::Closed),
        }
    }

    fn handle_message(&mut self, message: ClientMessage) -> ControlFlow<End> {
        match message {
            ClientMessage::Init { authorization } => self.init(authorization),
            ClientMessage::Ping { payload } => {
                self.send(&ServerMessage::Pong { payload });
                Continue(())
            }
            ClientMessage::Pong => Continue(()),
            ClientMessage::Subscribe { id, request } => self.subscribe(id, *request),
            ClientMessage::Complete { id } => {
                self.operations.stop(&id);
                Continue(())
            }
        }
    }

    fn init(&mut self, authorization: Option<String>) -> ControlFlow<End> {
        if !matches!(self.phase, Phase::Waiting) {
            return Break(End::Close(4429, "Too many initialisation requests".into()));
        }
        if let Some(authorization) = authorization {
            self.authorization = Some(authorization.into());
        }
        self.init_deadline = None;
        let (http, authorization) = (self.http.clone(), self.authorization.clone());
        self.phase = Phase::Checking(Box::pin(async move {
            let session = http.endpoint.viewer(authorization.as_deref()).await?;
            Ok((session.viewer, session.expires_at))
        }));
        Continue(())
    }

    fn open(&mut self, checked: Checked) -> ControlFlow<End> {
        let (viewer, expires_at) = match checked {
            Ok(checked) => checked,
            Err(error) if ["UNAVAILABLE", "INTERNAL"].contains(&code(&error)) => {
                return Break(End::Close(1013, "Try again later".into()));
            }
            Err(_) => return Break(End::Close(4403, "Forbidden".into())),
        };
        self.phase = Phase::Open(viewer);
        self.expires_at = expires_at.and_then(|at| {
            let left = at.unix_millis_clamped().saturating_sub(SystemClock.now().unix_millis_clamped());
            Instant::now().checked_add(Duration::from_millis(left))
        });
        self.set_timer();
        self.send(&ServerMessage::ConnectionAck);
        Continue(())
    }

    fn subscribe(&mut self, id: String, request: Request) -> ControlFlow<End> {
        let Phase::Open(viewer) = self.phase else { return Break(End::Close(4401, "Unauthorized".into())) };
        if self.operations.contains(&id) {
            return Break(End::Close(4409, format!("Subscriber for {id} already exists").into()));
        }
        let limit = self.http.options.websocket.max_operations;
        if self.drain_until.is_some() {
            self.refuse(&id, coded("The server is shutting down: connect again.", "UNAVAILABLE"));
        } else if self.operations.active() >= limit {
            let message = format!("At most {limit} operations may run at once on one socket.");
            self.refuse(&id, coded(message, "BAD_USER_INPUT"));
        } else {
            self.operations_started += 1;
            let short = !params::may_subscribe(&request);
            let request_id = self.id.child(self.operations_started);
            let stream = self.http.endpoint.stream(viewer, request);
            self.operations.start(id, request_id, short, stream);
        }
        Continue(())
    }

    fn refuse(&mut self, id: &str, error: ServerError) {
        self.send(&ServerMessage::Error { id, payload: &[error] });
    }

    fn handle_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Next { id, body } => {
                let payload = match &body {
                    Body::Response(response) => Payload::Result(response.into()),
                    Body::Written(json) => Payload::Written(json),
                };
                if !self.send(&ServerMessage::Next { id: &id, payload }) {
                    self.operations.stop(&id);
                    self.refuse(&id, coded("The result is larger than a message can be.", "QUERY_TOO_COMPLEX"));
                }
            }
            Outcome::Error { id, errors } => {
                self.send(&ServerMessage::Error { id: &id, payload: &errors });
            }
            Outcome::Complete { id } => {
                self.send(&ServerMessage::Complete { id: &id });
            }
        }
    }

    /// Queues a message; false when it is too large to be sent.
    fn send(&mut self, message: &ServerMessage<'_>) -> bool {
        match serde_json::to_string(message) {
            Ok(text) if text.len() <= MAX_OUTGOING => {
                self.outbox.push_back(Message::Text(text.into()));
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::error!(%error, "a message could not be written as JSON");
                false
            }
        }
    }

    fn handle_timer(&mut self) -> ControlFlow<End> {
        let now = Instant::now();
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(self.expires_at) {
            return Break(End::Close(4403, "Token expired".into()));
        }
        if is_due(self.init_deadline) {
            return Break(End::Close(4408, "Connection initialisation timeout".into()));
        }
        if is_due(self.drain_until) {
            return Break(going_away());
        }
        if now >= self.last_frame + self.http.options.websocket.dead_after {
            return Break(End::Gone);
        }
        if now >= self.ping_at {
            self.ping_at = now + self.http.options.websocket.ping_interval;
            // A ping behind other messages would tell nothing they don't.
            if self.outbox.is_empty() {
                self.outbox.push_back(Message::Ping(Default::default()));
            }
        }
        self.set_timer();
        Continue(())
    }

    fn set_timer(&mut self) {
        let always = [self.last_frame + self.http.options.websocket.dead_after, self.ping_at];
        let sometimes = [self.init_deadline, self.expires_at, self.drain_until];
        if let Some(next) = always.into_iter().chain(sometimes.into_iter().flatten()).min() {
            self.timer.as_mut().reset(next);
        }
    }

    fn end_of(&self, error: axum::Error) -> End {
        use tungstenite::error::{Error, ProtocolError};
        match error.into_inner().downcast::<Error>().map(|error| *error) {
            Ok(Error::Capacity(_)) => self.too_big(),
            Ok(Error::Utf8(_)) => End::Close(1007, "Text is not UTF-8".into()),
            Ok(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
            Ok(Error::Protocol(_)) => End::Close(1002, "WebSocket protocol error".into()),
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

/// Says goodbye and waits a moment for the answer.
pub(super) async fn close(mut socket: WebSocket, code: u16, reason: &str) {
    let frame = CloseFrame { code, reason: close_reason(reason).into() };
    let handshake = async {
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        loop {
            match socket.recv().await {
                Some(Ok(_)) => {}
                None => return,
                // What can't be read is left unread, and dropping the connection now could overtake the close frame.
                Some(Err(_)) => std::future::pending().await,
            }
        }
    };
    // Late or never is the same: the connection is dropped.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, handshake).await;
}
