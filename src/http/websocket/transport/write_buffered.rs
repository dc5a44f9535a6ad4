//! A write buffer in front of a connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that buffers all writes until it is flushed, and then sends them in one system call if the system takes
/// them. The buffer is freed once it is empty, so that idle connections have none.
pub(in crate::http::websocket) struct WriteBuffered<S> {
    connection: S,
    bytes: Vec<u8>,
    /// How many of the bytes were sent.
    sent: usize,
}

impl<S> WriteBuffered<S> {
    pub(in crate::http::websocket) fn new(connection: S) -> Self {
        Self { connection, bytes: Vec::new(), sent: 0 }
    }

    /// The connection.
    pub(in crate::http::websocket) fn connection(&self) -> &S {
        &self.connection
    }

    /// How many bytes are buffered and not sent.
    pub(in crate::http::websocket) fn unsent(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// The buffer, for appending bytes to send.
    pub(in crate::http::websocket) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteBuffered<S> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { connection, bytes, sent } = self.get_mut();
        while *sent < bytes.len() {
            match ready!(Pin::new(&mut *connection).poll_write(cx, &bytes[*sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *sent += count,
            }
        }
        (*bytes, *sent) = (Vec::new(), 0);
        Pin::new(connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteBuffered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_flush_sends_all_writes_in_order() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut outgoing = WriteBuffered::new(near);
        outgoing.write_all(b"one ").await.unwrap();
        outgoing.buffer().extend_from_slice(b"two ");
        outgoing.write_all(b"three").await.unwrap();
        assert_eq!(outgoing.unsent(), 13);
        let mut received = [0; 13];
        let (flushed, read) = tokio::join!(outgoing.flush(), far.read_exact(&mut received));
        assert!(flushed.is_ok() && read.is_ok());
        assert_eq!((&received, outgoing.buffer().capacity()), (b"one two three", 0));
    }

    #[tokio::test]
    async fn bytes_that_the_connection_does_not_take_stay_buffered() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut outgoing = WriteBuffered::new(near);
        outgoing.buffer().extend_from_slice(b"123456789");
        assert!(futures_util::poll!(std::pin::pin!(outgoing.flush())).is_pending());
        assert_eq!(outgoing.unsent(), 5);
        let mut received = [0; 9];
        let (flushed, read) = tokio::join!(outgoing.shutdown(), far.read_exact(&mut received));
        assert!(flushed.is_ok() && read.is_ok());
        assert_eq!(&received, b"123456789");
    }
}
