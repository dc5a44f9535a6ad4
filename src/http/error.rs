//! Errors of the HTTP layer, as GraphQL-shaped JSON.

use std::borrow::Cow;

use async_graphql::ServerError;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{graphql_error::coded, response_format::ResponseFormat};

/// An error response: HTTP status, stable code, message and possibly one header.
#[derive(Debug, Clone)]
pub(in crate::http) struct HttpError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    header: Option<(header::HeaderName, HeaderValue)>,
}

impl HttpError {
    pub(in crate::http) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), header: None }
    }

    pub(in crate::http) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", message)
    }

    pub(in crate::http) fn with_header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    /// The whole HTTP response as bytes, for a connection that is closed after it.
    pub(in crate::http) fn to_bytes(&self) -> Vec<u8> {
        let error = coded(self.message.clone(), self.code);
        let body = serde_json::json!({ "errors": [error] }).to_string();
        let mut head = format!(
            "HTTP/1.1 {}\r\nconnection: close\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\n",
            self.status,
            ResponseFormat::Json.content_type(),
            body.len(),
        )
        .into_bytes();
        if let Some((name, value)) = &self.header {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        [head, b"\r\n".to_vec(), body.into_bytes()].concat()
    }

    pub(in crate::http) fn respond(self, format: ResponseFormat) -> Response {
        let mut response = errors(self.status, format, &[coded(self.message, self.code)]);
        response.headers_mut().extend(self.header);
        response
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        self.respond(ResponseFormat::Json)
    }
}

/// A response that has only errors.
pub(in crate::http) fn errors(status: StatusCode, format: ResponseFormat, errors: &[ServerError]) -> Response {
    #[derive(Serialize)]
    struct Errors<'a> {
        errors: &'a [ServerError],
    }
    json(status, format, serde_json::to_vec(&Errors { errors }))
}

/// A JSON response that must not be cached. Responds with 500 when `body` is an error.
pub(in crate::http) fn json(
    status: StatusCode,
    format: ResponseFormat,
    body: serde_json::Result<impl Into<Body>>,
) -> Response {
    let (status, body) = body.map_or_else(
        |error| {
            tracing::error!(%error, "a response could not be written as JSON");
            let body = br#"{"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL"}}]}"#;
            (StatusCode::INTERNAL_SERVER_ERROR, Body::from(body.to_vec()))
        },
        |body| (status, body.into()),
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("accept")),
    ];
    (status, headers, body).into_response()
}
