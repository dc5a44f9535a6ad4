//! What a storage operation can fail with, the same for every engine.

use crate::domain::{InvalidTransition, PlaceError};

/// The result of a storage operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Values of which there can be only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueKey {
    /// A user's e-mail address.
    Email,
    /// A product's SKU.
    Sku,
    /// An order's number.
    OrderNumber,
}

/// Why a storage operation did not happen. Whatever it is, nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The entity to change is not there.
    #[error("not found")]
    NotFound,
    /// The caller's version is stale.
    #[error("the version is {actual} now")]
    VersionMismatch {
        /// The version there is.
        actual: i32,
    },
    /// Another entity has this value.
    #[error("{0:?} is taken")]
    Duplicate(UniqueKey),
    /// A line of a new order names a product that is missing or archived.
    #[error("line {input_index}: no such product")]
    ProductNotFound {
        /// The line of the buyer's input.
        input_index: usize,
    },
    /// A line of a new order, or an adjustment (line 0), asks for more than there is.
    #[error("line {input_index}: {available} available")]
    InsufficientStock {
        /// The line of the buyer's input.
        input_index: usize,
        /// Units on hand.
        available: i32,
    },
    /// The stock after an adjustment would not fit an `i32`.
    #[error("the stock would be out of range")]
    StockOutOfRange,
    /// The products don't make an order.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The order's state machine forbids the step.
    #[error(transparent)]
    InvalidTransition(#[from] InvalidTransition),
    /// The key was used with another input.
    #[error("the idempotency key was used with another input")]
    IdempotencyKeyReused,
    /// The database can't be reached, is overloaded or out of space; it may come back. For the log and for operators.
    #[error("storage unavailable: {0}")]
    Unavailable(String),
    /// A fault of ours or of the data. For the log, never for clients.
    #[error("storage fault: {0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// An [`StoreError::Internal`] from a description or an error.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// What metrics tell apart: whether the database is away, we are at fault, or the rules forbid it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
            _ => "refused",
        }
    }
}
