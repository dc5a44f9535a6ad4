//! Reads the credentials of a request: the `Authorization` header, or the member of that name in a payload.

use axum::http::{HeaderMap, HeaderValue, header};

use super::error::HttpError;

/// The value of the `Authorization` header, if it is not blank. Fails when there are several or it is not printable
/// ASCII.
pub(in crate::http) fn authorization(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().map(HeaderValue::to_str).transpose();
    match (value, values.next()) {
        (Ok(value), None) => Ok(value.filter(|value| !is_blank(value)).map(ToOwned::to_owned)),
        _ => Err(HttpError::bad_request("Send one Authorization header, of printable ASCII characters.")),
    }
}

/// Whether the value of an `authorization` field counts as absent: the client has nobody signed in.
pub(in crate::http) fn is_blank(authorization: &str) -> bool {
    authorization.trim().is_empty()
}
