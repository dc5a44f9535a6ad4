//! Whose request it is as far as addresses tell, and how many each of them may send.
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

/// Between how many buckets the addresses are shared out, so that their number bounds the memory that any number of
/// addresses takes.
const BUCKETS: u64 = 1 << 16;

/// How long a client waits to be told that it asks too much, in milliseconds: whoever goes on asking all the same is to
/// take no more of the server's time than those who do not. At random, lest many connections come back at once.
const REJECTION_DELAY_MS: Range<u64> = 100..400;

/// How many may wait at once; others are told at once.
const MAX_DELAYED: usize = 1000;

/// Finds out the client of each request, and limits how many there are of one.
pub(in crate::http) struct RequestRateLimiter {
    clients: Arc<ClientAddressPolicy>,
    layer: Option<GovernorLayer<HashedClientKey, NoOpMiddleware, Body>>,
    delayed: Semaphore,
}

impl RequestRateLimiter {
    pub(in crate::http) fn new(clients: Arc<ClientAddressPolicy>, bucket: Option<TokenBucket>) -> Self {
        let layer = bucket.and_then(|bucket| {
            let mut config = GovernorConfigBuilder::default().key_extractor(HashedClientKey::default());
            let config = config.period(bucket.refill() / bucket.capacity()).burst_size(bucket.capacity()).finish()?;
            Some(GovernorLayer::new(config).error_handler(move |error| refusal(bucket, &error)))
        });
        Self { clients, layer, delayed: Semaphore::new(MAX_DELAYED) }
    }
}

/// The layer of [`RequestRateLimiter`]. Whatever is refused with 429 is refused a little later, whoever refused it.
pub(in crate::http) async fn limit_request_rate(
    State(limit): State<Arc<RequestRateLimiter>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let client = LimitedClient(peer.and_then(|peer| limit.clients.of_request(peer, request.headers())));
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

/// Which bucket the client of a request takes from. Nobody can tell who shares it.
#[derive(Debug, Clone, Default)]
struct HashedClientKey(RandomState);

impl KeyExtractor for HashedClientKey {
    type Key = u64;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<u64, GovernorError> {
        let client = request.extensions().get::<LimitedClient>().and_then(|client| client.0);
        client.map(|client| self.0.hash_one(client) % BUCKETS).ok_or(GovernorError::UnableToExtractKey)
    }
}

fn refusal(bucket: TokenBucket, error: &GovernorError) -> Response {
    // Rounded down there.
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
