//! Accepting connections, and ending them in order.

use std::{io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Extension, Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

/// How long a client may take to send the head of a request, and keep an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// How long what was sent may stay unacknowledged, or a client refuse to read, before the connection is given up.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PEER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait before accepting again when the system refuses (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How far the server is with stopping; reaches the handlers as a request extension.
#[derive(Debug, Clone)]
pub(super) struct Lifecycle {
    /// Take no new work and finish what runs.
    pub(super) shutdown: CancellationToken,
    /// Stop now.
    pub(super) kill: CancellationToken,
    /// How long after `shutdown` a WebSocket may finish its queries and mutations.
    pub(super) drain: Duration,
    /// Every connection that the end waits for.
    pub(super) connections: TaskTracker,
}

impl Lifecycle {
    /// How long after `shutdown` a connection is to stay: somewhere within `spread`, so that clients do not come back
    /// all at once, and within the time there is.
    pub(super) fn wait_before_leaving(&self, spread: Duration) -> Duration {
        spread.min(self.drain).mul_f64(rand::random())
    }

    /// Ready when a connection is to be left.
    pub(super) async fn leaving(self, spread: Duration) {
        self.shutdown.cancelled().await;
        tokio::time::sleep(self.wait_before_leaving(spread)).await;
    }
}

impl Default for Lifecycle {
    /// Never stops.
    fn default() -> Self {
        Self {
            shutdown: CancellationToken::new(),
            kill: CancellationToken::new(),
            drain: Duration::ZERO,
            connections: TaskTracker::new(),
        }
    }
}

/// Serves until `shutdown`, then ends in two stages: it accepts no more, lets running requests finish and closes
/// WebSockets with 1001 once their queries and mutations are answered; what is left when nearly all of `grace` is
/// over is cut off. Returns within `grace` of `shutdown`.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken, grace: Duration) {
    let lifecycle = Lifecycle { shutdown, drain: grace / 2, ..Lifecycle::default() };
    let router = router.layer(Extension(lifecycle.clone()));
    while let Some(accepted) = lifecycle.shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, peer, router.clone(), lifecycle.clone());
                lifecycle.connections.spawn(connection);
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                lifecycle.shutdown.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE)).await;
            }
        }
    }
    drop(listener);
    stop(&lifecycle, grace).await;
}

async fn stop(lifecycle: &Lifecycle, grace: Duration) {
    let connections = &lifecycle.connections;
    connections.close();
    tracing::info!(connections = connections.len(), "shutting down");
    if tokio::time::timeout(grace.mul_f32(0.9), connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cutting off what has not finished in time");
        lifecycle.kill.cancel();
        // What was cut off ends at its next step; code that never yields is not waited for.
        let _ = tokio::time::timeout(grace / 10, connections.wait()).await;
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, lifecycle: Lifecycle) {
    if let Err(error) = set_options(&stream) {
        tracing::debug!(%error, "the options of a connection could not be set");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            () = lifecycle.kill.cancelled() => return,
            () = lifecycle.shutdown.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, %peer, "a connection ended with an error");
                }
                return;
            }
        }
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    // What finds a dead peer on a stream that only sends; elsewhere the system's own, longer time counts.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
    stream.set_nodelay(true)
}
