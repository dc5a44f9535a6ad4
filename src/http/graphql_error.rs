//! GraphQL errors with stable codes in their extensions.

use async_graphql::{ErrorExtensionValues, ServerError, Value};

use super::middleware::request_id::RequestId;

/// A GraphQL error with a stable code.
pub(in crate::http) fn coded(message: impl Into<String>, code: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
    error
}

/// The stable code of an error; empty when it has none.
pub(in crate::http) fn code(error: &ServerError) -> &str {
    match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code,
        _ => "",
    }
}

/// Adds the request id to INTERNAL errors, so that the fault can be found in the log.
pub(in crate::http) fn tag_internal_errors(errors: &mut [ServerError], id: &RequestId) {
    for error in errors.iter_mut().filter(|error| code(error) == "INTERNAL") {
        if let Some(extensions) = &mut error.extensions
            && extensions.get("requestId").is_none()
        {
            extensions.set("requestId", id.as_str());
        }
    }
}
