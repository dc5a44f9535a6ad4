//! What wraps every request: its id, its span in the log, the catch for panics, the security headers.

use std::{any::Any, fmt, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{accept::Format, error, security, wire};

/// Carries the request id, both ways.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// What tells one request from the others in the log.
#[derive(Debug, Clone)]
pub(super) struct RequestId(Arc<str>);

impl RequestId {
    /// The client's own, when it is short and plain, else a new one.
    fn of(headers: &HeaderMap) -> Self {
        let is_plain = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(is_plain) {
            Some(id) => Self(id.into()),
            None => Self(ulid::Ulid::new().to_string().to_ascii_lowercase().into()),
        }
    }

    /// The id of an operation within this request.
    pub(super) fn child(&self, number: u64) -> Self {
        Self(format!("{self}-{number}").into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The outermost layer.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let span =
        tracing::info_span!("request", request_id = %id, method = %request.method(), path = request.uri().path());
    request.extensions_mut().insert(id.clone());
    let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = outcome.unwrap_or_else(|panic| {
        span.in_scope(|| tracing::error!(panic = message(&*panic), "a request handler panicked"));
        let mut errors = [error::coded("Internal error", "INTERNAL")];
        wire::tag_internal_errors(&mut errors, &id);
        error::errors(StatusCode::INTERNAL_SERVER_ERROR, Format::Json, &errors)
    });
    security::add_headers(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    span.in_scope(|| tracing::debug!(status, ?elapsed, "answered"));
    response
}

/// What a panic says.
pub(super) fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
