//! GraphQL over WebSocket: the opening handshake.

mod frames;
mod gate;
mod identity;
mod operations;
mod protocol;
mod socket;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, Request, ws::WebSocketUpgrade},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::future::BoxFuture;
use tracing::Instrument;

use super::{
    client::Client, error::Failure, graphql_http::authorization, observe::RequestId, router::Http, serve::Lifecycle,
};
use crate::telemetry::metrics::{Held, metrics};
use frames::Frames;
use protocol::Protocol;
use socket::Socket;

/// Read at a time, in bytes. Each socket holds a buffer of this size, and most of them are idle.
const READ_BUFFER: usize = 256;

/// Written at a time, in bytes; made only when there is something to write.
const WRITE_BUFFER: usize = 4 * 1024;

/// The largest message that is sent, in bytes.
const MAX_OUTGOING: usize = 16 * 1024 * 1024;

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
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            tracing::debug!(%rejection, "no WebSocket handshake");
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
    let options = &http.options.websocket;
    // Up to twice the limit is read, so that the usual offender gets a clean close.
    let readable = options.max_message.saturating_mul(2);
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_OUTGOING + 2 * WRITE_BUFFER)
        .max_message_size(readable)
        .max_frame_size(readable)
        .protocols(Protocol::ALL.map(Protocol::name));
    let chosen = upgrade.selected_protocol();
    let protocol = Protocol::ALL.into_iter().find(|protocol| chosen.is_some_and(|chosen| chosen == protocol.name()));
    // The end of the server waits for the socket from here on.
    let tracked = lifecycle.connections.token();
    let span = tracing::info_span!("websocket", request_id = %id);
    upgrade.on_upgrade(move |socket| {
        // Boxed here, so that the task has no room for the socket a second time.
        let served: BoxFuture<'static, ()> = match protocol {
            Some(protocol) => Box::pin(Socket::new(socket, protocol, http, lifecycle, id, client, authorization).run()),
            None => Box::pin(async move { Frames::new(socket).close(4406, "Subprotocol not acceptable").await }),
        };
        let open = protocol.map(|protocol| Held::new(metrics().connections.of(protocol.transport())));
        async move {
            let _held = (tracked, open);
            served.await;
        }
        .instrument(span)
    })
}
