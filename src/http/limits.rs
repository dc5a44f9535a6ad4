//! What a connection and the head of a request may take.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{client::Clients, error::Failure};
use crate::domain::TokenBucket;

/// Bounds on connections and on the head of a request. A head of up to half again as much is read, so that the usual
/// offender is told of the limit; what is larger is answered with a bare 431.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest URL, in bytes; a longer one is answered with 414. Default: 16 KiB.
    pub url: usize,
    /// How many headers a request may have; more are answered with 431. Default: 64.
    pub headers: usize,
    /// The largest head, in bytes; a larger one is answered with 431. Default: 32 KiB.
    pub head: usize,
    /// How long a head may take from its first byte to its last; then the answer is 408. Default: 10 s.
    pub head_timeout: Duration,
    /// How long a connection may stay open without a request. Default: 75 s.
    pub idle_timeout: Duration,
    /// How many connections may be open at once; further ones are answered with 503. Default: 20,000.
    pub connections: usize,
    /// How many of them one client address may have. Default: 1,000.
    pub connections_per_address: usize,
    /// How many requests one client address may send; more are answered with 429. Default: any number.
    pub requests_per_address: Option<TokenBucket>,
    /// What counts as one client address.
    pub clients: Arc<Clients>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            url: 16 * 1024,
            headers: 64,
            head: 32 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            connections: 20_000,
            connections_per_address: 1000,
            requests_per_address: None,
            clients: Arc::default(),
        }
    }
}

impl Limits {
    /// How much is read when so much is allowed.
    pub(super) const fn readable(limit: usize) -> usize {
        limit + limit / 2
    }

    fn check(&self, request: &Request) -> Result<(), Failure> {
        let too_large = |message| Failure::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "BAD_USER_INPUT", message);
        let uri = request.uri();
        let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
        let url = authority + uri.path_and_query().map_or(0, |path| path.as_str().len());
        if url > self.url {
            let message = format!("The URL is longer than {} bytes.", self.url);
            return Err(Failure::new(StatusCode::URI_TOO_LONG, "BAD_USER_INPUT", message));
        }
        let headers = request.headers();
        if headers.len() > self.headers {
            return Err(too_large(format!("The request has more than {} headers.", self.headers)));
        }
        // A line has a colon, a space and its end.
        let lines: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if url + lines > self.head {
            return Err(too_large(format!("The URL and headers are larger than {} bytes.", self.head)));
        }
        let hosts = headers.get_all(header::HOST).iter().count();
        if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
            return Err(Failure::bad_request("Send one Host header."));
        }
        Ok(())
    }
}

/// Passes on requests whose head is in order.
pub(super) async fn check_head(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    match limits.check(&request) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}
