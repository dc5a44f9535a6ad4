//! Turns an HTTP request into a WebSocket session.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::future::BoxFuture;
use tracing::Instrument;

use super::{
    ready_sources::PollOnWake,
    session::socket::{Socket, SocketContext},
    transport::{frames::FramedSocket, handshake::Handshake},
};
use crate::{
    http::{
        authorization::authorization,
        error::HttpError,
        middleware::{client_address::LimitedClient, request_id::RequestId},
        server::Shutdown,
        state::HttpState,
    },
    telemetry::metrics::{GaugeGuard, metrics},
};

/// Responds to a handshake and spawns the task of the session.
pub(in crate::http) async fn upgrade(http: Arc<HttpState>, request: Request) -> Response {
    if !http.options.origins.allow_request(request.headers()) {
        let message = "Pages of this origin may not open a WebSocket here.";
        return HttpError::new(StatusCode::FORBIDDEN, "FORBIDDEN", message).into_response();
    }
    let (mut parts, _) = request.into_parts();
    let handshake = match Handshake::read(&mut parts) {
        Ok(handshake) => handshake,
        Err(refusal) => {
            tracing::debug!(refusal, "no WebSocket handshake");
            return HttpError::bad_request("Not a WebSocket handshake of version 13.")
                .with_header(header::SEC_WEBSOCKET_VERSION, "13")
                .into_response();
        }
    };
    let authorization = match authorization(&parts.headers) {
        Ok(authorization) => authorization,
        Err(failure) => return failure.into_response(),
    };
    #[expect(clippy::expect_used, reason = "middleware adds both to every request")]
    let (id, client) = (
        parts.extensions.remove::<RequestId>().expect("a request id"),
        parts.extensions.remove::<LimitedClient>().expect("a client"),
    );
    let permit = match http.address_streams.acquire_for_client(client.0) {
        Ok(permit) => permit,
        Err(reason) => {
            let failure = HttpError::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", format!("{reason}."));
            return failure.into_response();
        }
    };
    let shutdown = parts.extensions.remove::<Shutdown>().unwrap_or_else(Shutdown::never);
    // Up to twice the limit is read, so that a message just above it gets a proper close frame.
    let readable = http.options.websocket.max_message.saturating_mul(2);
    let protocol = handshake.protocol;
    // From here on shutdown waits for the socket.
    let tracked = shutdown.connections.token();
    let open = protocol.map(|protocol| GaugeGuard::new(metrics().connections.get(protocol.transport())));
    let span = tracing::info_span!("websocket", request_id = %id);
    let context = SocketContext { http, shutdown, id, client, authorization };
    let (upgraded, response) = handshake.accept();
    let serve = async move {
        let _held = (tracked, open, permit);
        // Opening and closing are boxed, so that the task has no room for them during the session.
        let opened: BoxFuture<'static, Option<Box<Socket>>> = Box::pin(async move {
            let upgraded = upgraded.await.inspect_err(|error| tracing::debug!(%error, "no WebSocket")).ok()?;
            let ready = Arc::default();
            let frames = FramedSocket::new(upgraded, PollOnWake::new(&ready, 0), readable).await?;
            let Some(protocol) = protocol else {
                frames.close(4406, "Subprotocol not acceptable").await;
                return None;
            };
            Some(Socket::new(frames, ready, protocol, context))
        });
        if let Some(mut socket) = opened.await {
            let end = (&mut socket).await;
            Box::pin(socket.finish(end)).await;
        }
    };
    tokio::spawn(serve.instrument(span));
    response
}
