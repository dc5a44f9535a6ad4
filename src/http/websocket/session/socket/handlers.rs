//! Event handlers of a session: the rules of the subprotocols.

use std::{
    borrow::Cow,
    ops::ControlFlow::{self, Break, Continue},
};

use futures_util::FutureExt;
use tungstenite::{
    Message,
    error::{Error, ProtocolError},
};

use super::{Socket, SocketEnd, SocketEvent};
use crate::{
    fairness::Caller,
    graphql::{OperationRequest, PreparedOperation, ResultBody},
    http::{
        graphql::answers::Answers,
        graphql_error::coded,
        middleware::rate_limit::rejection_delay,
        websocket::{
            session::{
                identity::IdentityEvent,
                operations::{OperationEvent, PendingOperation},
                timers::TimerEvent,
            },
            transport::protocol::{ClientMessage, InvalidMessage, Protocol, ServerMessage},
        },
    },
    telemetry::metrics,
};

/// How many operations are told at most, at each ping, how far they are.
const MAX_POSITIONS: usize = 32;

impl Socket {
    /// Handles one event. Breaks with the way the session ends, if it does.
    pub(super) fn handle(&mut self, event: SocketEvent) -> ControlFlow<SocketEnd> {
        self.frames.count_event();
        match event {
            SocketEvent::Aborted => Break(SocketEnd::Disconnected),
            SocketEvent::Stopping => {
                let close_in = self.shutdown.random_close_delay(self.http.options.drain_spread);
                self.timers.start_draining(close_in, self.shutdown.drain_time);
                Continue(())
            }
            SocketEvent::Received(Some(Ok(message))) => {
                self.timers.record_received();
                self.handle_frame(message)
            }
            SocketEvent::Received(Some(Err(error))) => Break(self.end_of(&error)),
            SocketEvent::Received(None) | SocketEvent::WriteFailed => Break(SocketEnd::Disconnected),
            SocketEvent::Identity(verdict) => self.checked(verdict),
            SocketEvent::Operation(outcome) => {
                self.handle_operation_event(outcome);
                Continue(())
            }
            SocketEvent::Timer(due) => self.handle_timer(due),
            SocketEvent::Drained => Break(going_away()),
        }
    }

    fn check(&mut self, authorization: Option<String>) {
        self.identity.check(authorization);
        self.control.mark_ready();
    }

    fn handle_frame(&mut self, message: Message) -> ControlFlow<SocketEnd> {
        match message {
            Message::Text(text) if text.len() > self.http.options.websocket.max_message => Break(self.too_big()),
            Message::Text(text) => match self.protocol.read(&text) {
                Ok(message) => self.handle_message(message),
                Err(invalid) => self.invalid(invalid),
            },
            Message::Binary(_) => Break(SocketEnd::Close(4400, "Binary messages are not part of the protocol".into())),
            // tungstenite answers pings.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                self.count_message();
                Continue(())
            }
            Message::Close(_) => Break(SocketEnd::PeerClosed),
        }
    }

    fn handle_message(&mut self, message: ClientMessage) -> ControlFlow<SocketEnd> {
        match &message {
            // A request, which is counted there.
            ClientMessage::Subscribe { .. } => {}
            // No more of them than of requests and handshakes.
            ClientMessage::Complete { id } if self.operations.contains(id) => {}
            ClientMessage::Init { .. } if self.identity.viewer().is_none() => {}
            _ => self.count_message(),
        }
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
            ClientMessage::Terminate => Break(SocketEnd::Close(1000, "Terminated".into())),
        }
    }

    /// Counts a message as a request. The socket of a client who has none left is not read for a while.
    fn count_message(&mut self) {
        if self.http.endpoint.client_limits().requests.take_request(self.client.0).is_err() {
            self.pause_reading();
        }
    }

    fn pause_reading(&mut self) {
        self.timers.pause_reading(rejection_delay());
        self.control.mark_ready();
    }

    /// Handles an invalid message: the modern protocol closes the connection, the legacy one reports the error.
    fn invalid(&mut self, InvalidMessage { reason, id }: InvalidMessage) -> ControlFlow<SocketEnd> {
        match (self.protocol, id) {
            (Protocol::Modern, _) => return Break(SocketEnd::Close(4400, reason)),
            (Protocol::Legacy, Some(id)) => self.refuse(&id, coded(reason, "BAD_USER_INPUT")),
            (Protocol::Legacy, None) => {
                self.send(ServerMessage::Refused { reason: &reason });
            }
        }
        Continue(())
    }

    fn init(&mut self, authorization: Option<String>) -> ControlFlow<SocketEnd> {
        if !self.timers.stop_init_timeout() {
            return match (self.protocol, authorization) {
                (Protocol::Modern, _) => Break(SocketEnd::Close(4429, "Too many initialisation requests".into())),
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

    fn renew(&mut self, authorization: String) -> ControlFlow<SocketEnd> {
        if self.identity.viewer().is_none() {
            return self.refuse_connection(4401, "Unauthorized".into());
        }
        self.check(Some(authorization));
        Continue(())
    }

    fn checked(&mut self, verdict: IdentityEvent) -> ControlFlow<SocketEnd> {
        match verdict {
            IdentityEvent::Authenticated => {
                if let Some(viewer) = self.identity.viewer() {
                    let answers = &self.http.endpoint.client_limits().answers;
                    self.frames.count_unsent(answers.for_client(Caller::new(&viewer, self.client.0)));
                }
                self.send(ServerMessage::Ack);
                self.send(ServerMessage::KeepAlive { positions: &[] });
            }
            IdentityEvent::Renewed(expires_at) => {
                self.send(ServerMessage::Renewed { expires_at });
            }
            IdentityEvent::Rejected(code, reason) => return self.refuse_connection(code, reason),
        }
        self.timers.set_expiry(self.identity.expires_at());
        Continue(())
    }

    fn refuse_connection(&mut self, code: u16, reason: Cow<'static, str>) -> ControlFlow<SocketEnd> {
        self.send(ServerMessage::Refused { reason: &reason });
        Break(SocketEnd::Close(code, reason))
    }

    fn subscribe(&mut self, id: String, request: OperationRequest) -> ControlFlow<SocketEnd> {
        let Some(viewer) = self.identity.viewer() else { return self.refuse_connection(4401, "Unauthorized".into()) };
        if self.operations.contains(&id) {
            match self.protocol {
                Protocol::Modern => {
                    return Break(SocketEnd::Close(4409, format!("Subscriber for {id} already exists").into()));
                }
                Protocol::Legacy => self.operations.stop(&id),
            };
        }
        let limit = self.http.options.websocket.max_operations;
        if self.timers.is_draining() {
            // The client should reconnect to another node as soon as possible.
            self.timers.close_now();
            if self.operations.has_finite() {
                self.refuse(&id, coded("The server is shutting down: connect again.", "UNAVAILABLE"));
            }
        } else if let Err(exhausted) = self.http.endpoint.client_limits().requests.take_request(self.client.0) {
            self.refuse(&id, exhausted.to_error());
            // As a response with 429 is delayed: a client that retries at once must not keep the server busy with refusals.
            self.pause_reading();
        } else if self.operations.count() >= limit {
            let message = format!("At most {limit} operations may run at once on one socket.");
            self.refuse(&id, coded(message, "BAD_USER_INPUT"));
        } else {
            self.operations_started += 1;
            let request_id = self.id.child(self.operations_started);
            let (endpoint, client) = (self.http.endpoint.clone(), self.client.0);
            let preparing = async move {
                let prepared = endpoint.prepare(request, client).await;
                let finite = !prepared.as_ref().is_ok_and(PreparedOperation::subscribes);
                PendingOperation { finite, answers: Answers::open(endpoint, viewer, prepared) }
            };
            self.operations.start(id, request_id, preparing.boxed());
        }
        Continue(())
    }

    fn handle_operation_event(&mut self, outcome: OperationEvent) {
        match outcome {
            OperationEvent::Next { id, body } => match self.send_result(&id, &body) {
                Ok(()) => {
                    if let ResultBody::Json(_) = body {
                        metrics().deliveries.get(self.protocol.transport()).inc();
                    }
                }
                Err(unsent) => {
                    self.operations.stop(&id);
                    self.refuse(&id, unsent.to_error());
                }
            },
            OperationEvent::Error { id, errors } => {
                self.send(ServerMessage::Error { id: &id, errors: &errors });
            }
            OperationEvent::Complete { id } => {
                self.send(ServerMessage::Complete { id: &id });
            }
        }
    }

    fn handle_timer(&mut self, due: TimerEvent) -> ControlFlow<SocketEnd> {
        match due {
            TimerEvent::TokenExpired => return Break(SocketEnd::Close(4403, "Token expired".into())),
            TimerEvent::InitTimeout => {
                return Break(SocketEnd::Close(4408, "Connection initialisation timeout".into()));
            }
            TimerEvent::DrainTimeout => return Break(going_away()),
            TimerEvent::PeerTimeout => return Break(SocketEnd::Disconnected),
            TimerEvent::Ping => {}
        }
        // While messages are queued, they prove the connection as well as a ping does.
        let mut positions = Vec::new();
        if self.frames.is_empty() {
            self.frames.push_ping();
            // Clients answer with the same payload, so half of what they may send bounds it.
            let max_bytes = self.http.options.websocket.max_message / 2;
            positions = self.operations.positions_to_tell(MAX_POSITIONS, max_bytes);
        }
        if self.identity.viewer().is_some() {
            self.send(ServerMessage::KeepAlive { positions: &positions });
        }
        Continue(())
    }

    fn end_of(&self, error: &Error) -> SocketEnd {
        match error {
            Error::Capacity(_) => self.too_big(),
            Error::Utf8(_) => SocketEnd::Close(1007, "Text is not UTF-8".into()),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => SocketEnd::Disconnected,
            Error::Protocol(_) => SocketEnd::Close(1002, "WebSocket protocol error".into()),
            _ => SocketEnd::Disconnected,
        }
    }

    fn too_big(&self) -> SocketEnd {
        let limit = self.http.options.websocket.max_message;
        SocketEnd::Close(1009, format!("Message is larger than {limit} bytes").into())
    }
}

fn going_away() -> SocketEnd {
    SocketEnd::Close(1001, "Going away".into())
}
