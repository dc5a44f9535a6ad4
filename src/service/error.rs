//! What a use case can fail with, and the one conversion from storage errors.

use std::{sync::Arc, time::Duration};

use super::rate_limits::Allowance;
use crate::{
    domain::{Metadata, Refusal, Scope, UniqueKey},
    fairness::OverBudget,
    storage::StoreError,
};

/// The result of a use case.
pub type Result<T> = std::result::Result<T, ServiceError>;

/// Stable codes of expected failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A value is not acceptable.
    InvalidInput,
    /// Something that is named does not exist, or not for this viewer.
    NotFound,
    /// The value is taken by another entity.
    Conflict,
    /// `expectedVersion` is stale.
    VersionMismatch,
    /// There is less stock than asked for.
    InsufficientStock,
    /// The state machine forbids the step.
    InvalidTransition,
    /// The idempotency key was used with another input.
    IdempotencyKeyReused,
    /// The e-mail address, password or refresh token is not right.
    BadCredentials,
}

/// An expected failure of a mutation, told to the client as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// What kind of failure.
    pub code: UserErrorCode,
    /// For people.
    pub message: String,
    /// Path within the input, outermost first; `None` when no one field is at fault.
    pub field: Option<Vec<String>>,
}

impl UserError {
    /// A failure of the field at `path`.
    pub fn at<P: ToString>(code: UserErrorCode, path: impl IntoIterator<Item = P>, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: Some(path.into_iter().map(|part| part.to_string()).collect()) }
    }

    /// A failure of no field in particular.
    pub fn general(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None }
    }
}

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Expected failures of a mutation; never empty.
    #[error("expected failures: {0:?}")]
    User(Vec<UserError>),
    /// Nobody is signed in, or the token is not good (any more).
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The viewer's role does not allow it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The API key lacks the scope that allows it.
    #[error("the API key lacks the scope {}", .0.as_str())]
    MissingScope(Scope),
    /// An argument of a query or subscription is not acceptable.
    #[error("{0}")]
    BadInput(String),
    /// What a subscription is about does not exist, or not for this viewer.
    #[error("{0}")]
    NotFound(&'static str),
    /// The cursor is older than the event log.
    #[error("the updates after this cursor are no longer held; query the current state and subscribe anew")]
    CursorExpired,
    /// The reader was too slow; carries the last cursor it was sent.
    #[error("the subscription fell too far behind; resume after {0}")]
    TooSlow(crate::domain::EventCursor),
    /// Updates could not be read for longer than a subscriber waits; carries the cursor to resume after, if there is one.
    #[error("the updates can't be read at the moment; {}", resume_advice(*.0))]
    Interrupted(Option<crate::domain::EventCursor>),
    /// There was too much of it lately.
    #[error("{limit}; try again in {} s", wait_seconds(*.wait))]
    RateLimited {
        /// Which limit there is, and what is left of it.
        limit: String,
        /// The same in numbers.
        allowance: Allowance,
        /// When it can be tried again.
        wait: Duration,
    },
    /// The operation would load more bytes than there is room for.
    #[error(transparent)]
    OverBudget(OverBudget),
    /// The database is out of reach. The text is for the log.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours. The cause is for the log.
    #[error("{0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl From<UserError> for ServiceError {
    fn from(error: UserError) -> Self {
        Self::User(vec![error])
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal.into(),
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            StoreError::OverBudget(over) => Self::OverBudget(over),
            StoreError::Internal(cause) => Self::Internal(cause),
        }
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode as Code;
        let error = match refusal {
            Refusal::NotFound => UserError::general(Code::NotFound, "does not exist"),
            Refusal::RightLost => return Self::Forbidden("you are not allowed to do this any more"),
            Refusal::SessionEnded => return Self::Unauthenticated("the session has ended; sign in again"),
            Refusal::AssigneeNotFound => UserError::at(Code::NotFound, ["assigneeId"], "does not exist"),
            Refusal::CredentialsChanged => {
                UserError::general(Code::BadCredentials, "the password was changed meanwhile; sign in with the new one")
            }
            Refusal::VersionMismatch { actual } => UserError::at(
                Code::VersionMismatch,
                ["expectedVersion"],
                format!("it was changed meanwhile and is at version {actual} now; read it again"),
            ),
            Refusal::NothingToChange => {
                UserError::general(Code::InvalidInput, "there is nothing to change: give a new value for a field")
            }
            Refusal::Duplicate(UniqueKey::Email) => {
                UserError::at(Code::Conflict, ["email"], "another account has this e-mail address")
            }
            Refusal::Duplicate(UniqueKey::Sku) => {
                UserError::at(Code::Conflict, ["sku"], "another product has this SKU")
            }
            Refusal::TooMuchMetadata => {
                let most = Metadata::MAX_ITEMS;
                UserError::at(
                    Code::InvalidInput,
                    ["set"],
                    format!("there would be more than {most} items; remove some"),
                )
            }
            Refusal::JobHasSchedule => {
                UserError::at(Code::InvalidTransition, ["id"], "a job that is done again and again can't be discarded")
            }
            Refusal::JobIs(status) => UserError::at(
                Code::InvalidTransition,
                ["id"],
                format!("the job is {}, which does not allow this", status.as_str()),
            ),
            Refusal::TooManyApiKeys => {
                UserError::general(Code::InvalidInput, format!("{refusal}; revoke those that are not used"))
            }
            Refusal::IdempotencyKeyReused => UserError::at(
                Code::IdempotencyKeyReused,
                ["idempotencyKey"],
                "this key was used with another input; take a new key for a new request",
            ),
            Refusal::EmptyOrder => UserError::at(Code::InvalidInput, ["items"], "must have at least 1 line"),
            Refusal::QuantityNotPositive { input_index } => {
                UserError::at(Code::InvalidInput, line(input_index, "quantity"), "must be above 0")
            }
            Refusal::ProductNotFound { input_index } => UserError::at(
                Code::NotFound,
                line(input_index, "productId"),
                format!("line {}: no such product is on sale", input_index + 1),
            ),
            Refusal::InsufficientStock { input_index, available } => UserError::at(
                Code::InsufficientStock,
                line(input_index, "quantity"),
                format!("line {}: only {available} available", input_index + 1),
            ),
            Refusal::MixedCurrencies { input_index } => UserError::at(
                Code::InvalidInput,
                line(input_index, "productId"),
                "all lines of an order must be in one currency",
            ),
            Refusal::TotalOutOfRange => {
                UserError::at(Code::InvalidInput, ["items"], "the total of the order is too large")
            }
            Refusal::StockOutOfRange => UserError::at(Code::InvalidInput, ["delta"], "the stock would be too large"),
            Refusal::InvalidTransition { .. } => {
                UserError::at(Code::InvalidTransition, ["status"], refusal.to_string())
            }
            // The caller retries a taken order number with another; no version comes to its end.
            Refusal::Duplicate(UniqueKey::OrderNumber) | Refusal::VersionOutOfRange => {
                return Self::Internal(refusal.into());
            }
        };
        error.into()
    }
}

/// The time to wait that clients are told, in whole seconds: at least 1.
pub fn wait_seconds(wait: Duration) -> u64 {
    // Of a few days at most.
    (wait.as_secs_f64().ceil() as u64).max(1)
}

fn resume_advice(after: Option<crate::domain::EventCursor>) -> String {
    after.map_or_else(|| "subscribe again".to_owned(), |cursor| format!("resume after {cursor}"))
}

fn line(index: usize, field: &str) -> [String; 3] {
    ["items".to_owned(), index.to_string(), field.to_owned()]
}

/// A storage error of a mutation whose `field` names the entity to change.
pub(super) fn not_found_at(field: &'static str) -> impl Fn(StoreError) -> ServiceError {
    move |error| match error {
        StoreError::Refused(Refusal::NotFound) => {
            UserError::at(UserErrorCode::NotFound, [field], "does not exist").into()
        }
        other => other.into(),
    }
}

/// The error of a cached load that several callers waited for.
pub(super) fn shared_load_error(error: Arc<StoreError>) -> ServiceError {
    match &*error {
        StoreError::Unavailable(reason) => ServiceError::Unavailable(reason.clone()),
        StoreError::OverBudget(over) => ServiceError::OverBudget(*over),
        other => ServiceError::Internal(other.to_string().into()),
    }
}
