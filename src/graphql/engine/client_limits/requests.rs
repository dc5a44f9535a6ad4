//! Requests of a client address: HTTP requests, operations on WebSockets, and the work of preparing documents.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    time::Duration,
};

use async_graphql::{ErrorExtensionValues, ServerError};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};

use crate::{
    domain::{ClientAddress, TokenBucket},
    graphql::engine::{code, error::refusal},
    telemetry::metrics,
};

/// Number of buckets that all addresses share, so that memory is bounded for any number of addresses.
const BUCKETS: u64 = 1 << 16;

/// Bytes of a document that one request pays for.
const DOCUMENT_BYTES: usize = 128;

/// Limits requests by client address on this node.
pub struct RequestLimiter(Option<Buckets>);

struct Buckets {
    bucket: TokenBucket,
    hasher: RandomState,
    limiter: RateLimiter<u64, DefaultKeyedStateStore<u64>, DefaultClock>,
}

/// The bucket of an address holds less than was asked for. Nothing was taken.
#[derive(Debug, Clone, Copy)]
pub struct RequestsExhausted {
    /// The limit.
    pub bucket: TokenBucket,
    /// Whole seconds after which it holds enough, at least 1.
    pub retry_after: u64,
}

impl RequestLimiter {
    /// Limits each address by this bucket; without one there is no limit.
    pub fn new(bucket: Option<TokenBucket>) -> Self {
        Self(bucket.map(|bucket| {
            // Never zero, which would be no quota.
            let period = (bucket.refill() / bucket.capacity()).max(Duration::from_nanos(1));
            let burst = NonZeroU32::new(bucket.capacity()).unwrap_or(NonZeroU32::MIN);
            #[expect(clippy::expect_used, reason = "the period is not zero")]
            let quota = Quota::with_period(period).expect("a valid limit").allow_burst(burst);
            Buckets { bucket, hasher: RandomState::new(), limiter: RateLimiter::keyed(quota) }
        }))
    }

    /// Takes one request from the bucket of an address; `None` for one that is not limited.
    pub fn take_request(&self, client: Option<ClientAddress>) -> Result<(), RequestsExhausted> {
        self.take(client, 1)
    }

    /// Takes what it costs to prepare a document of this many bytes: one request for each 128 of them beyond the first,
    /// which the request itself pays for.
    pub fn take_preparation(&self, client: Option<ClientAddress>, bytes: usize) -> Result<(), RequestsExhausted> {
        self.take(client, u32::try_from(bytes / DOCUMENT_BYTES).unwrap_or(u32::MAX))
    }

    /// Takes this many requests, or a whole bucket if that is less.
    fn take(&self, client: Option<ClientAddress>, requests: u32) -> Result<(), RequestsExhausted> {
        let (Some(buckets), Some(client)) = (&self.0, client) else { return Ok(()) };
        let Buckets { bucket, hasher, limiter } = buckets;
        let Some(requests) = NonZeroU32::new(requests.min(bucket.capacity())) else { return Ok(()) };
        // The hash has a secret key, so nobody can find addresses that share a bucket.
        match limiter.check_key_n(&(hasher.hash_one(client) % BUCKETS), requests) {
            Ok(Err(not_until)) => {
                metrics().refusals.with_labels(["requests_per_address"]).inc();
                let wait = not_until.wait_time_from(limiter.clock().now());
                Err(RequestsExhausted { bucket: *bucket, retry_after: wait.as_secs() + 1 })
            }
            // The other failure is a number above the capacity, which is excluded above.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

impl RequestsExhausted {
    /// The error for the client.
    pub fn to_error(self) -> ServerError {
        let Self { bucket, retry_after } = self;
        let (points, refill) = (bucket.capacity(), bucket.refill());
        let message = format!(
            "Too many requests: the limit is {points} in {refill:?} for one client address; try again in {retry_after} s."
        );
        let mut error = refusal(code::RATE_LIMITED, message);
        error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("retryAfter", retry_after);
        error
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn preparing_a_document_takes_requests_by_its_size() {
        let client = |last| Some(ClientAddress::V4(Ipv4Addr::new(192, 0, 2, last)));
        let limiter = RequestLimiter::new(Some(TokenBucket::new(10, Duration::from_secs(3600))));
        assert!(limiter.take_preparation(client(1), 10 * DOCUMENT_BYTES - 1).is_ok());
        assert!(limiter.take_request(client(1)).is_ok());
        let refused = limiter.take_request(client(1)).unwrap_err();
        assert!((355..=361).contains(&refused.retry_after), "{}", refused.retry_after);
        assert!(limiter.take_preparation(client(2), usize::MAX).is_ok(), "a full bucket is enough for any document");
        assert!(limiter.take_request(client(2)).is_err() && limiter.take_request(None).is_ok());
        assert!(RequestLimiter::new(None).take_request(client(1)).is_ok());
    }
}
