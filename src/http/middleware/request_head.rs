//! Limits on the head of a request: its URL and its headers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::{error::HttpError, options::ServerLimits};

/// Middleware that responds with an error to requests whose head exceeds a limit or lacks `Host`.
pub(in crate::http) async fn check_head(
    State(limits): State<Arc<ServerLimits>>,
    request: Request,
    next: Next,
) -> Response {
    match check(&limits, &request) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

fn check(limits: &ServerLimits, request: &Request) -> Result<(), HttpError> {
    let too_large = |message| HttpError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "BAD_USER_INPUT", message);
    let uri = request.uri();
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let url = authority + uri.path_and_query().map_or(0, |path| path.as_str().len());
    if url > limits.url {
        let message = format!("The URL is longer than {} bytes.", limits.url);
        return Err(HttpError::new(StatusCode::URI_TOO_LONG, "BAD_USER_INPUT", message));
    }
    let headers = request.headers();
    if headers.len() > limits.headers {
        return Err(too_large(format!("The request has more than {} headers.", limits.headers)));
    }
    // Each line also has a colon, a space and a line break.
    let lines: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if url + lines > limits.head {
        return Err(too_large(format!("The URL and headers are larger than {} bytes.", limits.head)));
    }
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(HttpError::bad_request("Send one Host header."));
    }
    Ok(())
}
