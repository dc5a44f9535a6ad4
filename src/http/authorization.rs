//! Reads the `Authorization` header.

use axum::http::{HeaderMap, HeaderValue, header};

use super::error::HttpError;

/// The value of the `Authorization` header. Fails when there are several or it is not printable ASCII.
pub(in crate::http) fn authorization(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().map(HeaderValue::to_str).transpose();
    match (value, values.next()) {
        (Ok(value), None) => Ok(value.map(ToOwned::to_owned)),
        _ => Err(HttpError::bad_request("Send one Authorization header, of printable ASCII characters.")),
    }
}
