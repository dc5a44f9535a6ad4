//! Converts the errors of the services to errors of the API.

use std::sync::Arc;

use async_graphql::{Error, ErrorExtensionValues, ErrorExtensions, PathSegment, Response, ServerError, Value};

use super::code;
use crate::service::{ServiceError, wait_seconds};

/// An error of a resolver. It has no `Display`, so that `?` can only make it from errors that are meant for clients.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: &'static str,
    message: String,
    cursor: Option<String>,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
    /// The limit that was exceeded.
    limit: Option<usize>,
}

/// The response to an execution that ended without one, which is a fault of the server.
pub fn no_response() -> Response {
    let error = ServiceError::Internal("an execution ended without a response".into());
    Response::from_errors(vec![ApiError::from(error).into_server_error()])
}

/// The result of a resolver.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// BAD_USER_INPUT: an argument is invalid.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(code::BAD_USER_INPUT, message)
    }

    /// RATE_LIMITED: something of the client must end first.
    pub fn rate_limited(message: impl Into<String>) -> Self {
        Self::new(code::RATE_LIMITED, message)
    }

    /// An error of this code that names the limit that was exceeded. Unless it is QUERY_TOO_COMPLEX, it can be tried again in
    /// a second.
    pub fn over_limit(code: &'static str, message: impl Into<String>, limit: usize) -> Self {
        let retry_after = (code != code::QUERY_TOO_COMPLEX).then_some(1);
        Self { retry_after, limit: Some(limit), ..Self::new(code, message) }
    }

    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), cursor: None, retry_after: None, limit: None }
    }

    /// INTERNAL: a fault of the server. The cause is logged and not sent.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(code::INTERNAL, "internal error")
    }

    /// The error as the transports send it when it belongs to no field.
    pub fn into_server_error(self) -> ServerError {
        let mut error = Error::from(self).into_server_error(async_graphql::Pos::default());
        error.locations.clear();
        error
    }
}

impl From<&ServiceError> for ApiError {
    fn from(error: &ServiceError) -> Self {
        let (code, message) = match error {
            ServiceError::User(errors) => {
                let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                (code::BAD_USER_INPUT, messages.join("; "))
            }
            ServiceError::Unauthenticated(message) => (code::UNAUTHENTICATED, (*message).to_owned()),
            ServiceError::Forbidden(message) => (code::FORBIDDEN, (*message).to_owned()),
            ServiceError::MissingScope(_) => (code::FORBIDDEN, error.to_string()),
            ServiceError::BadInput(message) => (code::BAD_USER_INPUT, message.clone()),
            ServiceError::NotFound(message) => (code::NOT_FOUND, (*message).to_owned()),
            ServiceError::CursorExpired => (code::CURSOR_EXPIRED, error.to_string()),
            ServiceError::TooSlow(_) | ServiceError::Interrupted(_) => (code::UNAVAILABLE, error.to_string()),
            ServiceError::RateLimited { .. } => (code::RATE_LIMITED, error.to_string()),
            ServiceError::Unavailable(reason) => {
                tracing::warn!(reason, "storage unavailable");
                (code::UNAVAILABLE, "the service can't reach its database; try again in a moment".to_owned())
            }
            ServiceError::OverBudget(over) => return (*over).into(),
            ServiceError::Internal(cause) => return Self::internal(&**cause),
        };
        let cursor = match error {
            ServiceError::TooSlow(cursor) | ServiceError::Interrupted(Some(cursor)) => Some(cursor.to_string()),
            _ => None,
        };
        let retry_after = match error {
            ServiceError::RateLimited { wait, .. } => Some(wait_seconds(*wait)),
            _ => None,
        };
        Self { cursor, retry_after, ..Self::new(code, message) }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::from(&error)
    }
}

impl From<Arc<ServiceError>> for ApiError {
    fn from(error: Arc<ServiceError>) -> Self {
        Self::from(&*error)
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Error::new(error.message).extend_with(|_, extensions| {
            extensions.set("code", error.code);
            if let Some(cursor) = error.cursor {
                extensions.set("cursor", cursor);
            }
            if let Some(seconds) = error.retry_after {
                extensions.set("retryAfter", seconds);
            }
            if let Some(limit) = error.limit {
                extensions.set("limit", limit);
            }
        })
    }
}

/// Whether something failed that may succeed when it is tried again: the database, or the server itself.
pub(crate) fn is_failure(errors: &[ServerError]) -> bool {
    errors.iter().any(|error| has_code(error, code::UNAVAILABLE) || has_code(error, code::INTERNAL))
}

fn has_code(error: &ServerError, code: &str) -> bool {
    let given = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    matches!(given, Some(Value::String(given)) if given == code)
}

/// The metric label of a response: `OK`, or the code of its most severe error.
pub(crate) fn outcome_label(errors: &[ServerError]) -> &'static str {
    let place = |error: &ServerError| {
        code::BY_SEVERITY.iter().position(|code| has_code(error, code)).unwrap_or(code::BY_SEVERITY.len() - 1)
    };
    errors.iter().map(place).max().map_or("OK", |worst| code::BY_SEVERITY[worst])
}

/// Gives every error a code. Errors of the library itself (syntax, validation, coercion) get BAD_USER_INPUT.
pub(crate) fn add_codes(response: &mut Response) {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", code::BAD_USER_INPUT);
        }
    }
}

/// Most errors of fields that a response has.
const MAX_FIELD_ERRORS: usize = 100;
/// Most bytes of their messages and paths.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Leaves out the errors past [`MAX_FIELD_ERRORS`] or [`MAX_ERROR_BYTES`]. An error in their place says how many, with the
/// most severe of their codes.
pub(crate) fn limit(errors: &mut Vec<ServerError>) {
    let mut bytes = 0;
    let fits = |error: &ServerError| {
        bytes += size(error);
        bytes <= MAX_ERROR_BYTES
    };
    let most = errors.iter().take(MAX_FIELD_ERRORS).map(fits).take_while(|fits| *fits).count();
    if errors.len() > most {
        let left_out = errors.split_off(most);
        errors.push(refusal(outcome_label(&left_out), format!("There are {} more errors.", left_out.len())));
    }
}

/// Removes the locations, which errors need not have, because they are in a text that the client does not know.
pub(crate) fn remove_locations(errors: &mut [ServerError]) {
    errors.iter_mut().for_each(|error| error.locations.clear());
}

/// Approximate bytes of an error.
fn size(error: &ServerError) -> usize {
    let steps = error.path.iter().map(|step| match step {
        PathSegment::Field(key) => key.len(),
        PathSegment::Index(_) => size_of::<usize>(),
    });
    error.message.len() + steps.sum::<usize>()
}

/// An error that refuses the whole request.
pub(crate) fn refusal(code: &str, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
    error
}
