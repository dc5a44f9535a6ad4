//! Queues messages to the client.

use async_graphql::ServerError;

use super::Socket;
use crate::{
    graphql::{AnswerRefusal, ResultBody},
    http::{graphql::wire, graphql_error::coded, websocket::transport::protocol::ServerMessage},
};

/// Why a result is not sent.
pub(super) enum Unsent {
    /// A budget has no room for it.
    Refused(AnswerRefusal),
    /// It could not be written.
    Faulty,
}

impl From<AnswerRefusal> for Unsent {
    fn from(refusal: AnswerRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Unsent {
    pub(super) fn to_error(&self) -> ServerError {
        match self {
            Self::Refused(refusal) => refusal.to_error(),
            Self::Faulty => coded("Internal error", "INTERNAL"),
        }
    }
}

impl Socket {
    /// Answers an operation with an error.
    pub(super) fn refuse(&mut self, id: &str, error: ServerError) {
        self.send(ServerMessage::Error { id, errors: &[error] });
    }

    /// Queues a message other than a result, if the protocol has this kind.
    pub(super) fn send(&mut self, message: ServerMessage<'_>) {
        if let Err(error) = self.frames.push_text(|text| self.protocol.write(message, text, usize::MAX)) {
            tracing::error!(%error, "a message could not be written as JSON");
        }
    }

    /// Queues a result.
    pub(super) fn send_result(&mut self, id: &str, body: &ResultBody) -> Result<(), Unsent> {
        let limits = self.http.endpoint.client_limits().answers.limits();
        let message = ServerMessage::Next { id, payload: body.into() };
        self.frames.push_result(|text| match self.protocol.write(message, text, limits.whole_answer()) {
            Ok(()) => Ok(()),
            Err(error) if wire::is_too_large(&error) => Err(Unsent::Refused(AnswerRefusal::TooLarge(limits.answer))),
            Err(error) => {
                tracing::error!(%error, "a result could not be written as JSON");
                Err(Unsent::Faulty)
            }
        })
    }
}
