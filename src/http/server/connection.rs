//! One connection, from its first byte to its last, or until it becomes a WebSocket.

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

use super::{connection_limiter::ConnectionPermit, head_timer::HeadTimer, shutdown::Shutdown};
use crate::http::{error::HttpError, options::ServerLimits};

/// How long what was sent may stay unacknowledged, or a client refuse to read, before the connection is given up.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PEER_TIMEOUT: Duration = Duration::from_secs(60);

/// The largest buffer of a connection, in bytes, unless a larger head is allowed: a part of a body that is read at once.
const BUFFER: usize = 64 * 1024;

/// How much is read when so much is allowed.
const fn readable(limit: usize) -> usize {
    limit + limit / 2
}

/// Answers the requests of a connection.
pub(in crate::http) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: ConnectionPermit,
    router: Router,
    shutdown: Shutdown,
    limits: ServerLimits,
) {
    if let Err(error) = set_options(&stream) {
        tracing::debug!(%error, "the options of a connection could not be set");
    }
    let stopping = shutdown.stopping.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, stopping) = (router.clone().call(request), stopping.clone());
        async move {
            let mut answer = answer.await?;
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
    let stream = TokioIo::new(Connection { stream, received, _place: place });
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

/// Tells a client that its head took too long.
async fn slow_head(mut stream: TcpStream, limit: Duration) {
    let message = format!("The head of the request took longer than {limit:?} to arrive.");
    let answer = HttpError::new(StatusCode::REQUEST_TIMEOUT, "BAD_USER_INPUT", message).to_bytes();
    // The buffer of a connection that has sent nothing has room; whoever does not read it is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    })
    .await;
}

/// Has the client use another connection for its next request.
fn close_after(answer: &mut Response) {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    // What finds a dead peer on a stream that only sends; elsewhere the system's own, longer time counts.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
    stream.set_nodelay(true)
}

/// A connection with its place, which it keeps as a WebSocket too.
pub(in crate::http) struct Connection {
    stream: TcpStream,
    /// Whether anything has come since [`HeadTimer`] began to wait.
    received: Arc<AtomicBool>,
    _place: ConnectionPermit,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.received.store(true, Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
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
