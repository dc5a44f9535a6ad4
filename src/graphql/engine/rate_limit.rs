//! Reports rate limits to clients: in headers, and in `extensions.cost`.

use std::time::Duration;

use async_graphql::{Response, Value, value};
use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};

use super::document::PreparedOperation;
use crate::service::{Allowance, wait_seconds};

/// Capacity of the bucket. This header and the next two follow draft-ietf-httpapi-ratelimit-headers-07.
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// Points left in the bucket.
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Seconds until the bucket is full.
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The rate limit headers, which browsers may read.
pub const HEADERS: [HeaderName; 3] = [LIMIT, REMAINING, RESET];

/// Sets the rate limit headers.
pub fn set_headers(headers: &mut HeaderMap, limit: u32, remaining: u32, reset_after: Duration) {
    let reset = if reset_after.is_zero() { 0 } else { wait_seconds(reset_after) };
    headers.insert(LIMIT, limit.into());
    headers.insert(REMAINING, remaining.into());
    headers.insert(RESET, reset.into());
}

/// Sets `Retry-After`.
pub fn set_retry_after(headers: &mut HeaderMap, seconds: u64) {
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
}

/// What an operation was charged, and what its sender has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charged {
    /// What is left; `None` when there is no limit.
    pub allowance: Option<Allowance>,
    /// Points beyond the cost, for the bytes of the answer.
    pub afterwards: u64,
}

/// Adds the client's remaining points to a response, and when to retry if an error in it asks for that.
pub(crate) fn attach_rate_limit(response: &mut Response, operation: &PreparedOperation, charged: Charged) {
    if let Some(Allowance { bucket, state }) = charged.allowance {
        set_headers(&mut response.http_headers, bucket.capacity(), state.remaining, state.reset_after);
    }
    let retry_after = attach_retry_after(response);
    if operation.reports_cost() || retry_after.is_some() {
        response.extensions.insert("cost".to_owned(), cost(operation, charged));
    }
}

/// Tells the client when to retry if an error in the response asks for that. Returns the time, in seconds.
pub(crate) fn attach_retry_after(response: &mut Response) -> Option<u64> {
    let retry_after =
        response.errors.iter().filter_map(|error| match error.extensions.as_ref()?.get("retryAfter")? {
            Value::Number(seconds) => seconds.as_u64(),
            _ => None,
        });
    let retry_after = retry_after.max();
    if let Some(seconds) = retry_after {
        set_retry_after(&mut response.http_headers, seconds);
    }
    retry_after
}

/// `extensions.cost` of a response, in the format of Shopify's API.
fn cost(operation: &PreparedOperation, Charged { allowance, afterwards }: Charged) -> Value {
    let (requested, maximum) = (operation.cost(), operation.cost_limit());
    let actual = requested.saturating_add(afterwards);
    let Some(Allowance { bucket, state }) = allowance else {
        return value!({ "requestedQueryCost": requested, "actualQueryCost": actual, "maximumQueryCost": maximum });
    };
    let (holds, left, rate) = (bucket.capacity(), state.remaining, bucket.per_second());
    value!({
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "maximumQueryCost": maximum,
        "throttleStatus": { "maximumAvailable": holds, "currentlyAvailable": left, "restoreRate": rate },
    })
}
