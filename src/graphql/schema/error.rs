//! Expected failures of mutations, and ids in arguments.

use async_graphql::{Enum, SimpleObject};

use crate::{
    graphql::engine::{
        document::directives::cost,
        error::{ApiError, ApiResult},
    },
    service::{self, ServiceError},
};

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
#[graphql(directive = cost::apply("0".into()))]
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
pub(crate) fn payload<T>(result: service::Result<T>) -> ApiResult<(Option<T>, Vec<UserError>)> {
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(ServiceError::User(errors)) => Ok((None, errors.into_iter().map(UserError::from).collect())),
        Err(error) => Err(error.into()),
    }
}

/// An id within a mutation's input.
pub(crate) fn input_id<T: std::str::FromStr<Err = crate::domain::InvalidId>>(
    field: &str,
    id: &async_graphql::ID,
) -> service::Result<T> {
    id.parse().map_err(|error: crate::domain::InvalidId| {
        service::UserError::at(service::UserErrorCode::InvalidInput, field.split('.'), error.to_string()).into()
    })
}

/// An id that is an argument of a query or subscription.
pub(crate) fn argument_id<T: std::str::FromStr<Err = crate::domain::InvalidId>>(
    name: &str,
    id: &async_graphql::ID,
) -> ApiResult<T> {
    id.parse().map_err(|error: crate::domain::InvalidId| ApiError::bad_input(format!("{name}: {error}")))
}
