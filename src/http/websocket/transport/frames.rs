//! The frames of one socket, both ways, each side held back when the other does not keep up.
//!
//! Decision: `docs/decisions/0015-websocket-writes.md`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::StreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tungstenite::{
    Error, Message,
    protocol::{
        CloseFrame, Role, WebSocketConfig,
        frame::{
            FrameHeader,
            coding::{Control, Data, OpCode},
        },
    },
};

use super::write_buffered::WriteBuffered;
use crate::http::{server::Connection, websocket::ready_sources::PollOnWake};

/// Read at a time, in bytes. Each socket holds a buffer of this size, and most of them are idle.
const READ_BUFFER: usize = 256;

/// Bytes that may wait for the socket before nothing more is asked for.
const WRITE_BUFFER: usize = 4 * 1024;

/// The largest message that is sent, in bytes.
const MAX_OUTGOING: usize = 16 * 1024 * 1024;

/// Answers that may wait for the socket before it is read no further.
const MAX_WAITING: usize = 8;

/// Messages taken from a client that does not read, before it is read no further.
const MAX_READS_WHILE_STALLED: u32 = 64;

/// Events handled before what was written so far has to leave.
const MAX_UNFLUSHED: u32 = 32;

/// How long the other side may take for the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket and what waits to be sent.
///
/// tungstenite reads, answers pings and closes. Messages are framed here, into the buffer that they are sent from: a
/// delivery is copied once, and through nothing else.
pub(in crate::http::websocket) struct FramedSocket {
    socket: WebSocketStream<WriteBuffered<Connection>>,
    incoming: PollOnWake,
    /// Messages that came since the socket was last ready for more.
    waiting: usize,
    /// Whether the connection did not take all of what was there when it was last asked.
    stalled: bool,
    events_unflushed: u32,
    reads_while_stalled: u32,
}

impl FramedSocket {
    /// The connection after its handshake, which takes messages of up to `readable` bytes; `incoming` stands before them.
    pub(in crate::http::websocket) async fn new(
        upgraded: Upgraded,
        incoming: PollOnWake,
        readable: usize,
    ) -> Option<Self> {
        let Ok(parts) = upgraded.downcast::<TokioIo<Connection>>() else {
            tracing::error!("a connection was upgraded that this server did not accept");
            return None;
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            // Everything is in one buffer, and so in order.
            .write_buffer_size(0)
            .max_message_size(Some(readable))
            .max_frame_size(Some(readable));
        let (connection, read) = (WriteBuffered::new(parts.io.into_inner()), parts.read_buf.to_vec());
        let socket = WebSocketStream::from_partially_read(connection, read, Role::Server, Some(config)).await;
        Some(Self { socket, incoming, waiting: 0, stalled: false, events_unflushed: 0, reads_while_stalled: 0 })
    }

    /// Puts the text that `write` appends behind what waits, unless it is empty; false when it is too large to be sent.
    pub(in crate::http::websocket) fn push_text<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let buffer = self.socket.get_mut().buffer();
        let start = buffer.len();
        let written = write(buffer);
        let length = buffer.len() - start;
        if written.is_err() || length > MAX_OUTGOING || length == 0 {
            buffer.truncate(start);
            return written.map(|()| length == 0);
        }
        self.frame(OpCode::Data(Data::Text), start);
        Ok(true)
    }

    /// Puts a ping behind what waits.
    pub(in crate::http::websocket) fn push_ping(&mut self) {
        let start = self.socket.get_mut().buffer().len();
        self.frame(OpCode::Control(Control::Ping), start);
    }

    /// Makes a frame of what stands in the buffer after `start`.
    fn frame(&mut self, opcode: OpCode, start: usize) {
        let buffer = self.socket.get_mut().buffer();
        let end = buffer.len();
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        // Behind the payload first, since its length has to be known; memory takes all of it.
        let _ = header.format((end - start) as u64, buffer);
        let header = buffer.len() - end;
        buffer[start..].rotate_right(header);
        self.waiting += 1;
    }

    /// Whether nothing came since the socket was last ready for more.
    pub(in crate::http::websocket) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Whether the socket is ready for more. Sends what waits if it is much.
    pub(in crate::http::websocket) fn poll_ready(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let much = self.socket.get_ref().waiting() > WRITE_BUFFER;
        if (self.stalled || much) && !self.poll_send(cx)? {
            return Ok(false);
        }
        self.waiting = 0;
        self.reads_while_stalled = 0;
        Ok(true)
    }

    /// Sends what waits: at once when there is nothing else to do (`idle`), and now and then else.
    pub(in crate::http::websocket) fn poll_flush(&mut self, cx: &mut Context<'_>, idle: bool) -> io::Result<()> {
        let due = idle || self.events_unflushed >= MAX_UNFLUSHED;
        if self.socket.get_ref().waiting() == 0 || (due && self.poll_send(cx)?) {
            self.events_unflushed = 0;
        }
        Ok(())
    }

    /// Whether the connection takes all that waits.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let sent = Pin::new(self.socket.get_mut()).poll_flush(cx)?.is_ready();
        self.stalled = !sent;
        Ok(sent)
    }

    /// To be told of everything that is handled between two flushes.
    pub(in crate::http::websocket) fn handled_event(&mut self) {
        self.events_unflushed += 1;
    }

    /// The next message. A client that does not read its answers (the socket is not `writable`) is soon not read
    /// either.
    pub(in crate::http::websocket) fn poll_receive(&mut self, writable: bool) -> Poll<Option<Result<Message, Error>>> {
        if self.waiting >= MAX_WAITING || (!writable && self.reads_while_stalled >= MAX_READS_WHILE_STALLED) {
            return Poll::Pending;
        }
        let received = self.incoming.poll(|cx| self.socket.poll_next_unpin(cx));
        if received.is_ready() && !writable {
            self.reads_while_stalled += 1;
        }
        received
    }

    /// Says goodbye, after what waits as far as it leaves at once, and waits a moment for the answer.
    pub(in crate::http::websocket) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: close_reason(reason).into() };
        let handshake = async {
            if self.socket.close(Some(frame)).await.is_err() {
                return;
            }
            loop {
                match self.socket.next().await {
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
    pub(in crate::http::websocket) async fn closed(mut self) {
        let rest = async {
            // Reading on writes it.
            while let Some(Ok(_)) = self.socket.next().await {}
            self.socket.get_mut().flush().await
        };
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
