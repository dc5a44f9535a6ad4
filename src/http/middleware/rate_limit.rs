//! Limits the requests of each client address, and delays responses with 429.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::{net::SocketAddr, ops::Range, sync::Arc, time::Duration};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use tokio::sync::Semaphore;

use super::client_address::{ClientAddressPolicy, LimitedClient};
use crate::{
    graphql::{ClientLimits, RequestsExhausted, set_rate_limit_headers, set_retry_after},
    http::{error::errors, response_format::ResponseFormat},
};

/// Delay of a response with 429, in milliseconds.
const REJECTION_DELAY_MS: Range<u64> = 100..400;

/// How many responses may be delayed at once. Further ones are sent without a delay.
const MAX_DELAYED: usize = 1000;

/// How long a client waits that exceeds its limit. It slows down clients that retry at once; it is random so that they
/// don't retry at the same time.
pub(in crate::http) fn rejection_delay() -> Duration {
    Duration::from_millis(rand::random_range(REJECTION_DELAY_MS))
}

/// Determines the client address of each request and applies the rate limit.
pub(in crate::http) struct RequestRateLimiter {
    clients: Arc<ClientAddressPolicy>,
    limits: Arc<ClientLimits>,
    delayed: Semaphore,
}

impl RequestRateLimiter {
    pub(in crate::http) fn new(clients: Arc<ClientAddressPolicy>, limits: Arc<ClientLimits>) -> Self {
        Self { clients, limits, delayed: Semaphore::new(MAX_DELAYED) }
    }
}

/// Middleware that applies a [`RequestRateLimiter`]. Delays every response with 429, including those of inner layers.
pub(in crate::http) async fn limit_request_rate(
    State(limit): State<Arc<RequestRateLimiter>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let client = LimitedClient(peer.and_then(|peer| limit.clients.for_request(peer, request.headers())));
    request.extensions_mut().insert(client);
    let response = match limit.limits.requests.take_request(client.0) {
        Ok(()) => next.run(request).await,
        Err(exhausted) => rejection(exhausted),
    };
    if response.status() == StatusCode::TOO_MANY_REQUESTS
        && let Ok(_permit) = limit.delayed.try_acquire()
    {
        tokio::time::sleep(rejection_delay()).await;
    }
    response
}

fn rejection(exhausted: RequestsExhausted) -> Response {
    let RequestsExhausted { bucket, retry_after } = exhausted;
    let mut response = errors(StatusCode::TOO_MANY_REQUESTS, ResponseFormat::Json, &[exhausted.to_error()]);
    set_rate_limit_headers(response.headers_mut(), bucket.capacity(), 0, bucket.refill());
    set_retry_after(response.headers_mut(), retry_after);
    response
}
