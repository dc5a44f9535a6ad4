//! The accept loop and graceful shutdown.

use std::{convert::Infallible, io, pin::pin, sync::atomic::Ordering::Relaxed, time::Duration};

use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{connection, connection_limiter::ConnectionLimiter, incoming::IncomingBudget, shutdown::Shutdown};
use crate::http::options::ServerLimits;

/// The last part of the handover: new connections are dropped, and those just accepted send their first request.
const NO_NEW_CONNECTIONS: Duration = Duration::from_millis(500);

/// Pause before accepting again after the system refused to, for example because it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is cancelled, then stops in three stages and returns within `grace`:
///
/// 1. Handover, for `handover` or half of `grace` if that is shorter: the server still accepts connections, but reports
///    that it is not ready and closes each connection after its next response.
/// 2. Draining: the listener is closed, running requests finish, and WebSockets are closed with 1001 once their queries
///    and mutations are answered.
/// 3. When `grace` is nearly over, what still runs is aborted.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    grace: Duration,
    handover: Duration,
    limits: ServerLimits,
) {
    let handover = handover.min(grace / 2);
    let grace = grace - handover;
    let state = Shutdown { drain_time: grace / 2, ..Shutdown::never() };
    let router = router.layer(Extension(state.clone()));
    {
        let mut accepting = pin!(accept(&listener, &router, &state, &limits));
        shutdown.run_until_cancelled(&mut accepting).await;
        state.stopping.store(true, Relaxed);
        if !handover.is_zero() {
            tracing::info!(?handover, "stopping; no longer ready, but still accepting connections");
            let last = NO_NEW_CONNECTIONS.min(handover / 2);
            let _ = tokio::time::timeout(handover - last, &mut accepting).await;
            drop_new_connections(&listener);
            let _ = tokio::time::timeout(last, &mut accepting).await;
        }
    }
    drop(listener);
    state.draining.cancel();
    stop(&state, grace).await;
}

/// Accepts connections and spawns a task for each. Never returns.
async fn accept(listener: &TcpListener, router: &Router, state: &Shutdown, limits: &ServerLimits) -> Infallible {
    let (limiter, incoming) = (ConnectionLimiter::new(limits), IncomingBudget::new(limits.incoming));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match limiter.acquire(peer.ip()) {
                Ok(permit) => {
                    let (router, state, limits) = (router.clone(), state.clone(), limits.clone());
                    let tracked = state.connections.clone();
                    let held = (permit, incoming.connection(limits.incoming_per_connection));
                    tracked.spawn(connection::serve(stream, peer, held, router, state, limits));
                }
                Err(reason) => limiter.reject(stream, peer, reason),
            },
            Err(error) if is_caused_by_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Drops the first packet of new connections, while those already in the listener's queue can still be accepted.
///
/// Closing the listener alone would reset the queued connections, together with the requests sent over them. A client
/// whose packet is dropped retries and then finds the listener closed.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn drop_new_connections(listener: &TcpListener) {
    use socket2::SockFilter;
    // Classic BPF over the TCP header: drops packets with SYN but not ACK, the first packet of a connection.
    const FILTER: [SockFilter; 5] = [
        SockFilter::new(0x30, 0, 0, 13),          // load byte 13: the flags
        SockFilter::new(0x54, 0, 0, 0x12),        // keep SYN (0x02) and ACK (0x10)
        SockFilter::new(0x15, 0, 1, 0x02),        // only SYN set?
        SockFilter::new(0x06, 0, 0, 0),           // drop
        SockFilter::new(0x06, 0, 0, 0xffff_ffff), // keep
    ];
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&FILTER) {
        tracing::debug!(%error, "new connections cannot be dropped before the listener closes");
    }
}

/// Other systems have no such filter: a connection that is opened while the listener closes can be lost.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn drop_new_connections(_: &TcpListener) {}

async fn stop(state: &Shutdown, grace: Duration) {
    let connections = &state.connections;
    connections.close();
    tracing::info!(connections = connections.len(), "shutting down");
    if tokio::time::timeout(grace.mul_f32(0.9), connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "aborting connections that did not finish in time");
        state.abort.cancel();
        // Aborted tasks end at their next await point. Code that never yields is not waited for.
        let _ = tokio::time::timeout(grace / 10, connections.wait()).await;
    }
}

fn is_caused_by_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
