//! Reads and writes the frames of one socket, with backpressure in both directions.
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
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
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
use crate::{
    graphql::{AnswerRefusal, HeldBytes},
    http::{server::Connection, websocket::ready_sources::PollOnWake},
};

/// Size of the read buffer in bytes. Small, because every socket has one and most sockets are idle.
const READ_BUFFER: usize = 256;

/// Bytes that may be queued before no more results are requested.
const WRITE_BUFFER: usize = 4 * 1024;

/// Messages that may be queued before the socket is not read any further.
const MAX_QUEUED: usize = 8;

/// Messages read from a client that does not read itself, before it is not read any further.
const MAX_READS_WHILE_STALLED: u32 = 64;

/// Events that may be handled before queued bytes are sent.
const MAX_UNFLUSHED: u32 = 32;

/// How long the client may take for the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long, and up to how many bytes, a client that must be closed while it sends a message is read to its end.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
const DISCARD_BYTES: u64 = 16 * 1024 * 1024;

/// A WebSocket with a queue of frames to send.
///
/// tungstenite reads, answers pings and does the closing handshake. Messages are framed here, in the buffer that they
/// are sent from, so that a delivery is copied only once.
pub(in crate::http::websocket) struct FramedSocket {
    socket: WebSocketStream<WriteBuffered<Connection>>,
    incoming: PollOnWake,
    /// The unsent bytes when they are many, once it is known whose socket it is.
    held: Option<HeldBytes>,
    /// Messages that were queued since the socket was last ready for more.
    queued: usize,
    /// Whether the connection did not take all queued bytes at the last attempt.
    stalled: bool,
    events_unflushed: u32,
    reads_while_stalled: u32,
}

impl FramedSocket {
    /// A WebSocket over the upgraded connection that reads messages of up to `readable` bytes. `incoming` guards
    /// reading.
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
            // Everything goes through one buffer, which keeps the order.
            .write_buffer_size(0)
            .max_message_size(Some(readable))
            .max_frame_size(Some(readable));
        let (connection, read) = (WriteBuffered::new(parts.io.into_inner()), parts.read_buf.to_vec());
        let socket = WebSocketStream::from_partially_read(connection, read, Role::Server, Some(config)).await;
        Some(Self {
            socket,
            incoming,
            held: None,
            queued: 0,
            stalled: false,
            events_unflushed: 0,
            reads_while_stalled: 0,
        })
    }

    /// Counts unsent bytes with `held` from now on.
    pub(in crate::http::websocket) fn count_unsent(&mut self, held: HeldBytes) {
        self.held = Some(held);
    }

    /// Queues the text that `write` appends, unless it is empty.
    ///
    /// # Errors
    ///
    /// That of `write`. Nothing is queued then.
    pub(in crate::http::websocket) fn push_text<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.push(|buffer, _| write(buffer))
    }

    /// Queues the result that `write` appends.
    ///
    /// # Errors
    ///
    /// That of `write`, or that the budget has no room for the result. Nothing is queued then.
    pub(in crate::http::websocket) fn push_result<E: From<AnswerRefusal>>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.push(|buffer, held| {
            write(buffer)?;
            match held {
                Some(held) if buffer.len() > WRITE_BUFFER => {
                    Ok(held.try_add(buffer.len().saturating_sub(held.bytes()))?)
                }
                _ => Ok(()),
            }
        })
    }

    fn push<E>(&mut self, write: impl FnOnce(&mut Vec<u8>, Option<&mut HeldBytes>) -> Result<(), E>) -> Result<(), E> {
        let buffer = self.socket.get_mut().buffer();
        let start = buffer.len();
        let written = write(buffer, self.held.as_mut());
        if written.is_err() || buffer.len() == start {
            buffer.truncate(start);
            return written;
        }
        self.frame(OpCode::Data(Data::Text), start);
        Ok(())
    }

    /// Queues a ping.
    pub(in crate::http::websocket) fn push_ping(&mut self) {
        let start = self.socket.get_mut().buffer().len();
        self.frame(OpCode::Control(Control::Ping), start);
    }

    /// Turns the bytes in the buffer from `start` on into a frame.
    fn frame(&mut self, opcode: OpCode, start: usize) {
        let buffer = self.socket.get_mut().buffer();
        let end = buffer.len();
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        // Written behind the payload, whose length it contains, then rotated before it. Writing to memory cannot fail.
        let _ = header.format((end - start) as u64, buffer);
        let header = buffer.len() - end;
        buffer[start..].rotate_right(header);
        self.queued += 1;
    }

    /// Whether nothing was queued since the socket was last ready for more.
    pub(in crate::http::websocket) fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// Whether the socket is ready for more. Sends what is queued if that is much.
    pub(in crate::http::websocket) fn poll_ready(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let much = self.socket.get_ref().unsent() > WRITE_BUFFER;
        if (self.stalled || much) && !self.send_queued(cx)? {
            return Ok(false);
        }
        self.queued = 0;
        self.reads_while_stalled = 0;
        Ok(true)
    }

    /// Sends what is queued: at once when there is nothing else to do (`idle`), otherwise every `MAX_UNFLUSHED` events.
    pub(in crate::http::websocket) fn poll_flush(&mut self, cx: &mut Context<'_>, idle: bool) -> io::Result<()> {
        let due = idle || self.events_unflushed >= MAX_UNFLUSHED;
        if self.socket.get_ref().unsent() == 0 || (due && self.send_queued(cx)?) {
            self.events_unflushed = 0;
        }
        Ok(())
    }

    /// Sends what is queued. Returns whether the connection took all of it.
    fn send_queued(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let sent = Pin::new(self.socket.get_mut()).poll_flush(cx)?.is_ready();
        self.stalled = !sent;
        if let Some(held) = self.held.as_mut().filter(|_| sent) {
            held.release();
        }
        Ok(sent)
    }

    /// Counts an event that was handled since the last flush.
    pub(in crate::http::websocket) fn count_event(&mut self) {
        self.events_unflushed += 1;
    }

    /// The next message. A client that does not read its results (the socket is not `writable`) is soon not read
    /// either.
    pub(in crate::http::websocket) fn poll_receive(&mut self, writable: bool) -> Poll<Option<Result<Message, Error>>> {
        if self.queued >= MAX_QUEUED || (!writable && self.reads_while_stalled >= MAX_READS_WHILE_STALLED) {
            return Poll::Pending;
        }
        let received = self.incoming.poll(|cx| self.socket.poll_next_unpin(cx));
        if received.is_ready() {
            self.socket.get_ref().connection().release_received();
        }
        if received.is_ready() && !writable {
            self.reads_while_stalled += 1;
        }
        received
    }

    /// Sends what is queued and a close frame, and waits up to `CLOSE_TIMEOUT` for the reply.
    pub(in crate::http::websocket) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: close_reason(reason).into() };
        let handshake = async {
            self.socket.close(Some(frame)).await?;
            while let Some(message) = self.socket.next().await.transpose()? {
                if message.is_close() {
                    return Ok(true);
                }
            }
            Ok::<bool, Error>(false)
        };
        // The connection is dropped in any case.
        match tokio::time::timeout(CLOSE_TIMEOUT, handshake).await {
            Ok(Ok(true)) | Err(_) => {}
            // No more frames can be read, but bytes can.
            Ok(Ok(false) | Err(_)) => _ = tokio::time::timeout(DISCARD_TIMEOUT, self.discard()).await,
        }
    }

    /// Ends the sending side, then reads and discards bytes that are no frames the server understands, such as the rest
    /// of a message that is too large, until the client closes. A connection that is dropped with unread bytes is reset,
    /// and then the client may lose the close frame before it reads it.
    async fn discard(&mut self) {
        let connection = self.socket.get_mut();
        if connection.shutdown().await.is_ok() {
            let _ = tokio::io::copy(&mut connection.take(DISCARD_BYTES), &mut tokio::io::sink()).await;
        }
    }

    /// Sends the reply to the close frame of the client.
    pub(in crate::http::websocket) async fn reply_to_close(mut self) {
        let rest = async {
            // tungstenite writes the reply while it is being read from.
            while let Some(Ok(_)) = self.socket.next().await {}
            self.socket.get_mut().flush().await
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, rest).await;
    }
}

/// Cuts a close reason to the 123 bytes that fit into a close frame.
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
