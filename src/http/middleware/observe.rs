//! The outermost layer: request id, log span, metrics, panic handling and security headers.

use std::{panic::AssertUnwindSafe, sync::LazyLock, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{
    panics,
    request_id::{HEADER, RequestId},
    security,
};
use crate::{
    http::{error, graphql_error, response_format::ResponseFormat},
    telemetry::metrics::{BoundedNames, metrics},
};

/// Capacity for route labels; larger than the number of routes.
const MAX_ROUTES: usize = 100;

/// Adds the request id and the security headers, logs and measures the request, and turns a panic into a 500.
pub(in crate::http) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::from_headers(request.headers());
    let span =
        tracing::info_span!("request", request_id = %id, method = %request.method(), path = request.uri().path());
    request.extensions_mut().insert(id.clone());
    let labels = (route(&request), method(request.method()));
    let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = outcome.unwrap_or_else(|panic| {
        span.in_scope(|| tracing::error!(panic = panics::message(&*panic), "a request handler panicked"));
        let mut errors = [graphql_error::coded("Internal error", "INTERNAL")];
        graphql_error::tag_internal_errors(&mut errors, &id);
        error::errors(StatusCode::INTERNAL_SERVER_ERROR, ResponseFormat::Json, &errors)
    });
    security::add_headers(response.headers_mut());
    join_vary(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    let (status, elapsed, (route, method)) = (response.status(), started.elapsed(), labels);
    metrics().http_requests.with_labels([route, method, class(status)]).inc();
    metrics().http_request_duration.with_labels([route, method]).observe(elapsed.as_secs_f64());
    span.in_scope(|| tracing::debug!(status = status.as_u16(), ?elapsed, "answered"));
    response
}

/// Says in one header what a response varies with, if caches may keep it: some caches look at the last of several only.
fn join_vary(headers: &mut HeaderMap) {
    if headers.get(header::CACHE_CONTROL).is_some_and(|value| value != "no-store") {
        let values: Vec<&[u8]> = headers.get_all(header::VARY).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&values.join(&b", "[..])) {
            headers.insert(header::VARY, joined);
        }
    }
}

/// The metric label for the route: the pattern of its path.
fn route(request: &Request) -> &'static str {
    static ROUTES: LazyLock<BoundedNames> = LazyLock::new(|| BoundedNames::new(MAX_ROUTES));
    request.extensions().get::<MatchedPath>().map_or("none", |path| ROUTES.label(path.as_str()))
}

/// The metric label for the method.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        _ => "other",
    }
}

/// The metric label for the class of a status.
fn class(status: StatusCode) -> &'static str {
    ["1xx", "2xx", "3xx", "4xx", "5xx"].get(usize::from(status.as_u16() / 100 - 1)).copied().unwrap_or("other")
}
