//! GraphQL over WebSocket: the opening handshake.

mod clock;
mod frames;
mod gate;
mod handshake;
mod identity;
mod operations;
mod outgoing;
mod protocol;
mod socket;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::future::BoxFuture;
use tracing::Instrument;

use super::{
    client::Client, error::Failure, graphql_http::authorization, observe::RequestId, router::Http, serve::Lifecycle,
};
use crate::telemetry::metrics::{GaugeGuard, metrics};
use frames::Frames;
use gate::Gate;
use handshake::Handshake;
use protocol::Protocol;
use socket::{Opening, Socket};

/// WebSocket limits and times.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// How long a client may take to send `connection_init`. Default: 3 s.
    pub init_timeout: Duration,
    /// How often the server sends a ping frame. Default: 12 s.
    pub ping_interval: Duration,
    /// How long after a client's last frame it counts as gone. Default: 30 s.
    pub dead_after: Duration,
    /// How many operations may run at once on one socket. Default: 64.
    pub max_operations: usize,
    /// The largest message taken, in bytes. Default: 128 KiB.
    pub max_message: usize,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(3),
            ping_interval: Duration::from_secs(12),
            dead_after: Duration::from_secs(30),
            max_operations: 64,
            max_message: 128 * 1024,
        }
    }
}

/// Whether a message can be read. For tests that make up messages faster than a socket takes them.
#[doc(hidden)]
pub fn reads_websocket_message(protocol: &str, text: &str) -> bool {
    let protocol = Protocol::ALL.into_iter().find(|known| known.name() == protocol);
    protocol.is_some_and(|protocol| protocol.read(text).is_ok())
}

/// Turns the request into a WebSocket.
pub(super) async fn upgrade(http: Arc<Http>, request: Request) -> Response {
    if !http.options.origins.allow_request(request.headers()) {
        let message = "Pages of this origin may not open a WebSocket here.";
        return Failure::new(StatusCode::FORBIDDEN, "FORBIDDEN", message).into_response();
    }
    let (mut parts, _) = request.into_parts();
    let handshake = match Handshake::read(&mut parts) {
        Ok(handshake) => handshake,
        Err(refusal) => {
            tracing::debug!(refusal, "no WebSocket handshake");
            return Failure::bad_request("Not a WebSocket handshake of version 13.")
                .with_header(header::SEC_WEBSOCKET_VERSION, "13")
                .into_response();
        }
    };
    let authorization = match authorization(&parts.headers) {
        Ok(authorization) => authorization,
        Err(failure) => return failure.into_response(),
    };
    let lifecycle = parts.extensions.remove::<Lifecycle>().unwrap_or_default();
    #[expect(clippy::expect_used, reason = "the outermost layer puts it there")]
    let id = parts.extensions.remove::<RequestId>().expect("a request id");
    let client = parts.extensions.remove::<Client>().unwrap_or_default();
    // Up to twice the limit is read, so that the usual offender gets a clean close.
    let readable = http.options.websocket.max_message.saturating_mul(2);
    let protocol = handshake.protocol;
    // The end of the server waits for the socket from here on.
    let tracked = lifecycle.connections.token();
    let open = protocol.map(|protocol| GaugeGuard::new(metrics().connections.get(protocol.transport())));
    let span = tracing::info_span!("websocket", request_id = %id);
    let opening = Opening { http, lifecycle, id, client, authorization };
    let (upgraded, response) = handshake.accept();
    let serve = async move {
        let _held = (tracked, open);
        // The beginning and the end boxed: the task spends its life between them, and has no room for them meanwhile.
        let opened: BoxFuture<'static, Option<Box<Socket>>> = Box::pin(async move {
            let upgraded = upgraded.await.inspect_err(|error| tracing::debug!(%error, "no WebSocket")).ok()?;
            let wakeups = Arc::default();
            let frames = Frames::new(upgraded, Gate::new(&wakeups, 0), readable).await?;
            let Some(protocol) = protocol else {
                frames.close(4406, "Subprotocol not acceptable").await;
                return None;
            };
            Some(Socket::new(frames, wakeups, protocol, opening))
        });
        if let Some(mut socket) = opened.await {
            let end = (&mut socket).await;
            Box::pin(socket.finish(end)).await;
        }
    };
    tokio::spawn(serve.instrument(span));
    response
}
