//! What a connection does about what happens on it: the rules of the subprotocols.

use std::{
    borrow::Cow,
    ops::ControlFlow::{self, Break, Continue},
};

use async_graphql::ServerError;
use futures_util::FutureExt;
use tungstenite::{
    Message,
    error::{Error, ProtocolError},
};

use super::{End, Event, Socket};
use crate::{
    graphql::{Body, OperationRequest, Prepared},
    http::{
        error::coded,
        websocket::{
            clock::Due,
            identity::Verdict,
            operations::{Outcome, Runnable},
            protocol::{ClientMessage, Invalid, Protocol, ServerMessage},
        },
        wire,
    },
    telemetry::metrics,
};

impl Socket {
    /// What follows from an event: how the connection ends, if it does.
    pub(super) fn handle(&mut self, event: Event) -> ControlFlow<End> {
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
                let short = !prepared.as_ref().is_ok_and(Prepared::subscribes);
                Runnable { short, opening: wire::answers(endpoint, viewer, prepared).boxed() }
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
                        metrics().deliveries.get(self.protocol.transport()).inc();
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
