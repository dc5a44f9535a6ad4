//! Accepting connections, and ending them in order.

use std::{convert::Infallible, io, pin::pin, sync::atomic::Ordering::Relaxed, time::Duration};

use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{connection, connection_limiter::ConnectionLimiter, shutdown::Shutdown};
use crate::http::options::ServerLimits;

/// The end of the handover in which no connection begins any more, and those just made send their request.
const LAST_CONNECTIONS: Duration = Duration::from_millis(500);

/// How long to wait before accepting again when the system refuses (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then ends in three stages. For the time of `handover`, half of `grace` at most, it serves on,
/// but is not ready and closes connections after their next answer. Then it accepts no more, lets running requests finish
/// and closes WebSockets with 1001 once their queries and mutations are answered. What is left when nearly all of `grace`
/// is over is cut off. Returns within `grace` of `shutdown`.
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
    let state = Shutdown { drain_time: grace / 2, ..Shutdown::default() };
    let router = router.layer(Extension(state.clone()));
    {
        let mut accepting = pin!(accept(&listener, &router, &state, &limits));
        shutdown.run_until_cancelled(&mut accepting).await;
        state.stopping.store(true, Relaxed);
        if !handover.is_zero() {
            tracing::info!(?handover, "stopping; not ready any more, but still accepting");
            let last = LAST_CONNECTIONS.min(handover / 2);
            let _ = tokio::time::timeout(handover - last, &mut accepting).await;
            refuse_connections(&listener);
            let _ = tokio::time::timeout(last, &mut accepting).await;
        }
    }
    drop(listener);
    state.draining.cancel();
    stop(&state, grace).await;
}

/// Accepts connections for as long as it is polled.
async fn accept(listener: &TcpListener, router: &Router, state: &Shutdown, limits: &ServerLimits) -> Infallible {
    let limiter = ConnectionLimiter::new(limits);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match limiter.acquire(peer.ip()) {
                Ok(place) => {
                    let (router, state, limits) = (router.clone(), state.clone(), limits.clone());
                    let tracked = state.connections.clone();
                    tracked.spawn(connection::serve(stream, peer, place, router, state, limits));
                }
                Err(reason) => limiter.refuse(stream, peer, reason),
            },
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Lets no further connection begin, while those that are being made can still be accepted. Closing the listener alone
/// resets connections that wait to be accepted, with the requests that were already sent over them; a client that is not
/// answered yet tries again, and finds the listener closed.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn refuse_connections(listener: &TcpListener) {
    use socket2::SockFilter;
    // Classic BPF over the TCP header: drops what has SYN set and ACK not, which is the first packet of a connection.
    const FILTER: [SockFilter; 5] = [
        SockFilter::new(0x30, 0, 0, 13),          // load the byte at 13, the flags
        SockFilter::new(0x54, 0, 0, 0x12),        // and 0x12, SYN and ACK
        SockFilter::new(0x15, 0, 1, 0x02),        // SYN alone?
        SockFilter::new(0x06, 0, 0, 0),           // drop
        SockFilter::new(0x06, 0, 0, 0xffff_ffff), // keep
    ];
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&FILTER) {
        tracing::debug!(%error, "connections cannot be refused before the listener closes");
    }
}

/// Elsewhere there is no such thing: a connection made at the very moment of closing can be lost.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn refuse_connections(_: &TcpListener) {}

async fn stop(state: &Shutdown, grace: Duration) {
    let connections = &state.connections;
    connections.close();
    tracing::info!(connections = connections.len(), "shutting down");
    if tokio::time::timeout(grace.mul_f32(0.9), connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cutting off what has not finished in time");
        state.abort.cancel();
        // What was cut off ends at its next step; code that never yields is not waited for.
        let _ = tokio::time::timeout(grace / 10, connections.wait()).await;
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
