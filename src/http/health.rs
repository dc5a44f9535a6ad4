//! Alive, ready, and the schema.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{error::Failure, router::Http, serve::Lifecycle};

/// How long the check of what the server depends on may take.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn alive() -> Response {
    text("ok\n".to_owned())
}

pub(super) async fn ready(State(http): State<Arc<Http>>, lifecycle: Option<Extension<Lifecycle>>) -> Response {
    if lifecycle.is_some_and(|Extension(lifecycle)| lifecycle.is_stopping()) {
        return unavailable("the server is stopping".to_owned());
    }
    let checked = tokio::time::timeout(READY_TIMEOUT, http.endpoint.ready()).await;
    match checked.unwrap_or_else(|_| Err("the check of what it depends on took too long".to_owned())) {
        Ok(()) => text("ok\n".to_owned()),
        Err(reason) => unavailable(reason),
    }
}

fn unavailable(reason: String) -> Response {
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", reason).into_response()
}

pub(super) async fn schema(State(http): State<Arc<Http>>) -> Response {
    text(http.endpoint.sdl())
}

fn text(body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}
