//! Limits the requests of each client address, and delays responses with 429.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    ops::Range,
    sync::Arc,
    time::Duration,
};

use async_graphql::ErrorExtensionValues;
use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use governor::middleware::NoOpMiddleware;
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt};
use tower_governor::{GovernorError, GovernorLayer, governor::GovernorConfigBuilder, key_extractor::KeyExtractor};

use super::client_address::{ClientAddressPolicy, LimitedClient};
use crate::{
    domain::TokenBucket,
    graphql::{set_rate_limit_headers, set_retry_after},
    http::{error::errors, graphql_error::coded, response_format::ResponseFormat},
    telemetry::metrics,
};

/// Number of buckets that all addresses share, so that memory is bounded for any number of addresses.
const BUCKETS: u64 = 1 << 16;

/// Delay of a response with 429, in milliseconds. It slows down clients that retry at once; it is random so that they
/// don't retry at the same time.
const REJECTION_DELAY_MS: Range<u64> = 100..400;

/// How many responses may be delayed at once. Further ones are sent without a delay.
const MAX_DELAYED: usize = 1000;

/// Determines the client address of each request and applies the rate limit.
pub(in crate::http) struct RequestRateLimiter {
    clients: Arc<ClientAddressPolicy>,
    layer: Option<GovernorLayer<HashedClientKey, NoOpMiddleware, Body>>,
    delayed: Semaphore,
}

impl RequestRateLimiter {
    pub(in crate::http) fn new(clients: Arc<ClientAddressPolicy>, bucket: Option<TokenBucket>) -> Self {
        let layer = bucket.map(|bucket| {
            // Never zero, which the builder refuses.
            let period = (bucket.refill() / bucket.capacity()).max(Duration::from_nanos(1));
            let mut config = GovernorConfigBuilder::default().key_extractor(HashedClientKey::default());
            #[expect(clippy::expect_used, reason = "neither the period nor the capacity is zero")]
            let config = config.period(period).burst_size(bucket.capacity()).finish().expect("a valid limit");
            GovernorLayer::new(config).error_handler(move |error| rejection(bucket, &error))
        });
        Self { clients, layer, delayed: Semaphore::new(MAX_DELAYED) }
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
    let response = match &limit.layer {
        Some(layer) if client.0.is_some() => match layer.layer(next).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        _ => next.run(request).await,
    };
    if response.status() == StatusCode::TOO_MANY_REQUESTS
        && let Ok(_permit) = limit.delayed.try_acquire()
    {
        tokio::time::sleep(Duration::from_millis(rand::random_range(REJECTION_DELAY_MS))).await;
    }
    response
}

/// Assigns a client address to one of the buckets. The hash has a secret key, so nobody can find addresses that share
/// one.
#[derive(Debug, Clone, Default)]
struct HashedClientKey(RandomState);

impl KeyExtractor for HashedClientKey {
    type Key = u64;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<u64, GovernorError> {
        let client = request.extensions().get::<LimitedClient>().and_then(|client| client.0);
        client.map(|client| self.0.hash_one(client) % BUCKETS).ok_or(GovernorError::UnableToExtractKey)
    }
}

fn rejection(bucket: TokenBucket, error: &GovernorError) -> Response {
    // `wait_time` is rounded down, hence the `+ 1` below.
    let GovernorError::TooManyRequests { wait_time, .. } = error else {
        return errors(StatusCode::INTERNAL_SERVER_ERROR, ResponseFormat::Json, &[coded("Internal error", "INTERNAL")]);
    };
    metrics().refusals.with_labels(["requests_per_address"]).inc();
    let (points, refill, wait) = (bucket.capacity(), bucket.refill(), wait_time + 1);
    let message = format!(
        "Too many requests: the limit is {points} in {refill:?} for one client address; try again in {wait} s."
    );
    let mut error = coded(message, "RATE_LIMITED");
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("retryAfter", wait);
    let mut response = errors(StatusCode::TOO_MANY_REQUESTS, ResponseFormat::Json, &[error]);
    set_rate_limit_headers(response.headers_mut(), points, 0, refill);
    set_retry_after(response.headers_mut(), wait);
    response
}
