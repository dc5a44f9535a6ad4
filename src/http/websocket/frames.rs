//! The frames of one socket, both ways, each side held back when the other does not keep up.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    extract::ws::{CloseFrame, Message, WebSocket},
};
use futures_util::{Sink, StreamExt};

use super::gate::Gate;

/// Answers that may wait for the socket before it is read no further.
const MAX_OUTBOX: usize = 8;

/// Messages taken from a client that does not read, before it is read no further.
const MAX_READS_WHILE_STALLED: u32 = 64;

/// Events handled before what was written so far has to leave.
const MAX_UNFLUSHED: u32 = 32;

/// How long the other side may take for the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket and what waits to be sent.
pub(super) struct Frames {
    socket: WebSocket,
    incoming: Gate,
    outbox: VecDeque<Message>,
    events_unflushed: u32,
    reads_while_stalled: u32,
}

impl Frames {
    pub(super) fn new(socket: WebSocket) -> Self {
        Self { socket, incoming: Gate::default(), outbox: VecDeque::new(), events_unflushed: 0, reads_while_stalled: 0 }
    }

    /// Puts a message behind those that wait.
    pub(super) fn push(&mut self, message: Message) {
        self.outbox.push_back(message);
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Hands what waits to the socket, as far as it takes it; whether it would take more.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
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

    /// Writes what the socket holds back: at once when there is nothing else to do (`idle`), and now and then else.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, idle: bool) -> Result<(), Error> {
        let due = idle || self.events_unflushed >= MAX_UNFLUSHED;
        if due && self.events_unflushed > 0 && Pin::new(&mut self.socket).poll_flush(cx)?.is_ready() {
            self.events_unflushed = 0;
        }
        Ok(())
    }

    /// To be told of everything that is handled between two flushes.
    pub(super) fn handled_event(&mut self) {
        if self.events_unflushed > 0 {
            self.events_unflushed += 1;
        }
    }

    /// The next message. A client that does not read its answers (the socket is not `writable`) is soon not read
    /// either.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        writable: bool,
    ) -> Poll<Option<Result<Message, Error>>> {
        if self.outbox.len() >= MAX_OUTBOX || (!writable && self.reads_while_stalled >= MAX_READS_WHILE_STALLED) {
            return Poll::Pending;
        }
        let received = self.incoming.poll(cx, |cx| self.socket.poll_next_unpin(cx));
        if received.is_ready() && !writable {
            self.reads_while_stalled += 1;
        }
        received
    }

    /// Says goodbye, after what waits as far as it leaves at once, and waits a moment for the answer.
    pub(super) async fn close(self, code: u16, reason: &str) {
        let Self { mut socket, outbox, .. } = self;
        let frame = CloseFrame { code, reason: close_reason(reason).into() };
        let handshake = async {
            for message in outbox.into_iter().chain([Message::Close(Some(frame))]) {
                if socket.send(message).await.is_err() {
                    return;
                }
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

    /// Sends the answer to the other side's goodbye.
    pub(super) async fn closed(mut self) {
        // Reading on sends it.
        let rest = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, rest).await;
    }
}

/// At most the 123 bytes that a close frame has room for.
fn close_reason(text: &str) -> &str {
    let end = (0..=123.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_reasons_are_cut_between_characters() {
        assert_eq!(close_reason("short"), "short");
        let long = "é".repeat(100);
        assert_eq!(close_reason(&long).len(), 122);
    }
}
