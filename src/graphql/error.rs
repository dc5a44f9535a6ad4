//! The one conversion from the errors of use cases to those of the API.

use std::sync::Arc;

use async_graphql::{Enum, Error, ErrorExtensions, Response, ServerError, SimpleObject, Value};

use crate::service::{self, ServiceError, wait_seconds};

/// Stable codes in `extensions.code` of GraphQL errors.
pub mod code {
    /// Nobody is signed in, or the token is not good any more.
    pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    /// The viewer's role does not allow it.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// The request or an argument is not acceptable.
    pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
    /// What is named does not exist for this viewer.
    pub const NOT_FOUND: &str = "NOT_FOUND";
    /// The document exceeds a limit, which the error names.
    pub const QUERY_TOO_COMPLEX: &str = "QUERY_TOO_COMPLEX";
    /// A document that is named and not sent is not known.
    pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
    /// The cursor is older than the event log.
    pub const CURSOR_EXPIRED: &str = "CURSOR_EXPIRED";
    /// There was too much of it lately; `retryAfter` says in how many seconds to try again.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// A part that is needed can't be reached; try again later.
    pub const UNAVAILABLE: &str = "UNAVAILABLE";
    /// A fault of ours; the transport adds the id that finds it in the log.
    pub const INTERNAL: &str = "INTERNAL";
}

/// An error of a resolver. It has no `Display`, so that `?` can only make it from errors that are meant for clients.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: &'static str,
    message: String,
    cursor: Option<String>,
    /// In seconds.
    retry_after: Option<u64>,
}

/// What resolvers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An argument that is not acceptable.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self { code: code::BAD_USER_INPUT, message: message.into(), cursor: None, retry_after: None }
    }

    /// A fault of ours; the cause goes to the log.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "internal error");
        let message = "internal error".to_owned();
        Self { code: code::INTERNAL, message, cursor: None, retry_after: None }
    }

    /// The error as the transports send it when no field is at fault.
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
            ServiceError::BadInput(message) => (code::BAD_USER_INPUT, message.clone()),
            ServiceError::NotFound(message) => (code::NOT_FOUND, (*message).to_owned()),
            ServiceError::CursorExpired => (code::CURSOR_EXPIRED, error.to_string()),
            ServiceError::TooSlow(_) => (code::UNAVAILABLE, error.to_string()),
            ServiceError::RateLimited { .. } => (code::RATE_LIMITED, error.to_string()),
            ServiceError::Unavailable(reason) => {
                tracing::warn!(reason, "storage unavailable");
                (code::UNAVAILABLE, "the service can't reach its database; try again in a moment".to_owned())
            }
            ServiceError::Internal(cause) => return Self::internal(&**cause),
        };
        let cursor = match error {
            ServiceError::TooSlow(cursor) => Some(cursor.to_string()),
            _ => None,
        };
        let retry_after = match error {
            ServiceError::RateLimited { wait, .. } => Some(wait_seconds(*wait)),
            _ => None,
        };
        Self { code, message, cursor, retry_after }
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
        })
    }
}

/// Every code, from the least worrying to the worst.
const CODES: [&str; 10] = [
    code::PERSISTED_QUERY_NOT_FOUND,
    code::NOT_FOUND,
    code::BAD_USER_INPUT,
    code::QUERY_TOO_COMPLEX,
    code::CURSOR_EXPIRED,
    code::UNAUTHENTICATED,
    code::FORBIDDEN,
    code::RATE_LIMITED,
    code::UNAVAILABLE,
    code::INTERNAL,
];

/// What metrics call a response: `OK`, or the code of its worst error.
pub(super) fn outcome(errors: &[ServerError]) -> &'static str {
    let place = |error: &ServerError| {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        let known = |known: &&str| code.is_some_and(|code| matches!(code, Value::String(code) if code == known));
        CODES.iter().position(known).unwrap_or(CODES.len() - 1)
    };
    errors.iter().map(place).max().map_or("OK", |worst| CODES[worst])
}

/// Gives every error a code: what the library itself refuses (syntax, validation, coercion) is the client's fault.
pub(super) fn add_codes(response: &mut Response) {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", code::BAD_USER_INPUT);
        }
    }
}

/// Stable codes of expected failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service::UserErrorCode")]
pub enum UserErrorCode {
    /// A value is not acceptable.
    InvalidInput,
    /// Something that is named does not exist, or not for this viewer.
    NotFound,
    /// The value is taken by another entity.
    Conflict,
    /// `expectedVersion` is stale: the entity was changed meanwhile.
    VersionMismatch,
    /// There is less stock than asked for.
    InsufficientStock,
    /// The order can't go from its status to the one asked for.
    InvalidTransition,
    /// The idempotency key was used before with another input.
    IdempotencyKeyReused,
    /// The e-mail address, password or refresh token is not right.
    BadCredentials,
}

/// An expected failure of a mutation.
#[derive(SimpleObject)]
pub struct UserError {
    /// Stable code of the failure.
    code: UserErrorCode,
    /// What is wrong, for people.
    message: String,
    /// Path within the input, outermost first; null when no one field is at fault.
    field: Option<Vec<String>>,
}

impl From<service::UserError> for UserError {
    fn from(error: service::UserError) -> Self {
        Self { code: error.code.into(), message: error.message, field: error.field }
    }
}

/// The two halves of a mutation's payload: what it made, or the expected failures. Anything else is a GraphQL error.
pub(super) fn payload<T>(result: service::Result<T>) -> ApiResult<(Option<T>, Vec<UserError>)> {
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(ServiceError::User(errors)) => Ok((None, errors.into_iter().map(UserError::from).collect())),
        Err(error) => Err(error.into()),
    }
}

/// An id within a mutation's input.
pub(super) fn input_id<T: std::str::FromStr<Err = crate::domain::InvalidId>>(
    field: &str,
    id: &async_graphql::ID,
) -> service::Result<T> {
    id.parse().map_err(|error: crate::domain::InvalidId| {
        service::UserError::at(service::UserErrorCode::InvalidInput, field.split('.'), error.to_string()).into()
    })
}

/// An id that is an argument of a query or subscription.
pub(super) fn argument_id<T: std::str::FromStr<Err = crate::domain::InvalidId>>(
    name: &str,
    id: &async_graphql::ID,
) -> ApiResult<T> {
    id.parse().map_err(|error: crate::domain::InvalidId| ApiError::bad_input(format!("{name}: {error}")))
}
