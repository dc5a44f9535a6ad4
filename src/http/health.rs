//! Health checks, and the schema as text.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{error::HttpError, server::Shutdown, state::HttpState};
use crate::graphql::Readiness;

pub(in crate::http) async fn alive() -> Response {
    text("ok\n".to_owned())
}

pub(in crate::http) async fn ready(
    State(http): State<Arc<HttpState>>,
    shutdown: Option<Extension<Shutdown>>,
) -> Response {
    if shutdown.is_some_and(|Extension(shutdown)| shutdown.is_stopping()) {
        return unavailable("the server is stopping".to_owned());
    }
    let Readiness { failing, impaired } = http.endpoint.readiness().await;
    if failing.is_empty() {
        let impaired: String = impaired.iter().map(|part| format!("impaired: {part}\n")).collect();
        return text(format!("ok\n{impaired}"));
    }
    unavailable([failing, impaired].concat().join("; "))
}

fn unavailable(reason: String) -> Response {
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", reason).into_response()
}

pub(in crate::http) async fn schema(State(http): State<Arc<HttpState>>) -> Response {
    text(http.endpoint.sdl())
}

/// The page that `@specifiedBy` in the schema leads to.
pub(in crate::http) async fn scalars() -> Response {
    text(include_str!("../../docs/scalars.md").to_owned())
}

fn text(body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}
