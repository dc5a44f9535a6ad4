//! What wraps every request: its id, its span in the log, the catch for panics, the security headers.

use std::{
    any::Any,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{accept::Format, error, security, wire};
use crate::telemetry::metrics::{BoundedNames, metrics};

/// Carries the request id, both ways.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// More routes than there are.
const MOST_ROUTES: usize = 100;

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
    let labels = (route(&request), method(request.method()));
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
    let (status, elapsed, (route, method)) = (response.status(), started.elapsed(), labels);
    metrics().http_requests.with_labels([route, method, class(status)]).inc();
    metrics().http_request_duration.with_labels([route, method]).observe(elapsed.as_secs_f64());
    span.in_scope(|| tracing::debug!(status = status.as_u16(), ?elapsed, "answered"));
    response
}

/// The pattern of the path, as a label.
fn route(request: &Request) -> &'static str {
    static ROUTES: LazyLock<BoundedNames> = LazyLock::new(|| BoundedNames::new(MOST_ROUTES));
    request.extensions().get::<MatchedPath>().map_or("none", |path| ROUTES.label(path.as_str()))
}

/// The method, as a label.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        _ => "other",
    }
}

/// The class of a status, as a label.
fn class(status: StatusCode) -> &'static str {
    ["1xx", "2xx", "3xx", "4xx", "5xx"].get(usize::from(status.as_u16() / 100 - 1)).copied().unwrap_or("other")
}

/// What a panic says.
pub(super) fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
