//! One client connection: serves HTTP/1.1 on it until it ends or becomes a WebSocket.

use std::{
    convert::Infallible,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tower::Service;

use super::{
    connection_limiter::ConnectionPermit, head_timer::HeadTimer, incoming::ReceivedBytes, shutdown::Shutdown,
    write_timeout::WriteTimeout,
};
use crate::http::{error::HttpError, options::ServerLimits};

/// How long sent data may stay unacknowledged, or the client not read, before the connection counts as dead.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PEER_TIMEOUT: Duration = Duration::from_secs(60);

/// Size of the read buffer in bytes, unless a larger head is allowed. It bounds how much of a body is read at once.
const BUFFER: usize = 64 * 1024;

/// How much is read for a limit: half as much again, so that a request just above it gets a proper error response.
const fn readable(limit: usize) -> usize {
    limit + limit / 2
}

/// Serves the requests of a connection.
pub(in crate::http) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    (permit, incoming): (ConnectionPermit, Arc<ReceivedBytes>),
    router: Router,
    shutdown: Shutdown,
    limits: ServerLimits,
) {
    if let Err(error) = set_options(&stream) {
        tracing::debug!(%error, "the options of a connection could not be set");
    }
    let (stopping, requests) = (shutdown.stopping.clone(), incoming.clone());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, stopping, requests) = (router.clone().call(request), stopping.clone(), requests.clone());
        async move {
            let mut answer = answer.await?;
            requests.release();
            if stopping.load(Relaxed) {
                close_after(&mut answer);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let received = Arc::new(AtomicBool::new(false));
    let head = readable(limits.head);
    let mut builder = http1::Builder::new();
    builder
        .timer(HeadTimer { limit: limits.head_timeout, received: received.clone() })
        .header_read_timeout(limits.idle_timeout)
        .max_headers(readable(limits.headers))
        .max_header_size(head)
        .max_buf_size(head.max(BUFFER));
    let writes = WriteTimeout::new(limits.write_timeout);
    let stream = TokioIo::new(Connection { stream, received, incoming, writes, _permit: permit });
    let mut connection = builder.serve_connection(stream, service).with_upgrades();
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            () = shutdown.abort.cancelled() => return,
            () = shutdown.draining.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            result = &mut connection => {
                let Err(error) = result else { return };
                tracing::debug!(%error, %peer, "a connection ended with an error");
                if error.is_timeout() && let Some(parts) = connection.into_parts() && !parts.read_buf.is_empty() {
                    slow_head(parts.io.into_inner().stream, limits.head_timeout).await;
                }
                return;
            }
        }
    }
}

/// Responds with 408 to a client that sent its request head too slowly.
async fn slow_head(mut stream: TcpStream, limit: Duration) {
    let message = format!("The head of the request took longer than {limit:?} to arrive.");
    let answer = HttpError::new(StatusCode::REQUEST_TIMEOUT, "BAD_USER_INPUT", message).to_bytes();
    // Nothing was sent yet, so the socket buffer has room. The timeout covers clients that do not read.
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    })
    .await;
}

/// Makes the client use another connection for its next request.
fn close_after(answer: &mut Response) {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    // Detects a dead peer on a stream that only sends. Other systems use their own, longer timeout.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
    stream.set_nodelay(true)
}

/// A TCP stream with the permit of its connection, which it also holds after an upgrade to a WebSocket.
pub(in crate::http) struct Connection {
    stream: TcpStream,
    /// Whether any bytes arrived since [`HeadTimer`] began to wait.
    received: Arc<AtomicBool>,
    incoming: Arc<ReceivedBytes>,
    writes: WriteTimeout,
    _permit: ConnectionPermit,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.received.store(true, Relaxed);
            if !self.incoming.receive(count) {
                return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
            }
        }
        polled
    }
}

impl Connection {
    /// What was received is not held any more.
    pub(in crate::http) fn release_received(&self) {
        self.incoming.release();
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.writes.check(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.writes.check(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
