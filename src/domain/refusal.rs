//! Why the rules refuse a change.

use super::{JobStatus, OrderStatus};

/// A field whose value must be unique among the entities of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueKey {
    /// A user's e-mail address.
    Email,
    /// A product's SKU.
    Sku,
    /// An order's number.
    OrderNumber,
}

/// A rule that a change would break. Nothing of the change is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The entity to change does not exist, or is deleted.
    #[error("not found")]
    NotFound,
    /// The password that was checked is not the user's any more, or the user was deleted since.
    #[error("the credentials have changed")]
    CredentialsChanged,
    /// The user who makes the change had the right to it when that was checked, and has lost it since.
    #[error("the right to this change was taken away")]
    RightLost,
    /// The session that the change was asked for in has ended since, maybe with its user.
    #[error("the session has ended")]
    SessionEnded,
    /// The user whom a task is given to does not exist, or is deleted.
    #[error("the assignee does not exist")]
    AssigneeNotFound,
    /// The caller expected another version.
    #[error("the version is {actual} now")]
    VersionMismatch {
        /// Version of the stored entity.
        actual: i32,
    },
    /// The request names no field to change.
    #[error("there is nothing to change")]
    NothingToChange,
    /// The entity has had so many changes that its version can't grow.
    #[error("the version can't grow further")]
    VersionOutOfRange,
    /// Another entity has this value.
    #[error("{0:?} is taken")]
    Duplicate(UniqueKey),
    /// A part of the metadata would have too many items.
    #[error("the metadata would have too many items")]
    TooMuchMetadata,
    /// There are as many API keys as there may be.
    #[error("there are as many API keys as there may be")]
    TooManyApiKeys,
    /// A job with this status can't be changed so.
    #[error("the job is {0:?}")]
    JobIs(JobStatus),
    /// A job that is done again and again can't be discarded.
    #[error("the job is done again and again")]
    JobHasSchedule,
    /// The idempotency key was used with another input.
    #[error("the idempotency key was used with another input")]
    IdempotencyKeyReused,
    /// The order has no line.
    #[error("an order needs at least one line")]
    EmptyOrder,
    /// A line asks for 0 units or for a negative number.
    #[error("line {input_index}: the quantity must be above 0")]
    QuantityNotPositive {
        /// Index of the line in the buyer's input.
        input_index: usize,
    },
    /// A line names a product that is missing or not on sale.
    #[error("line {input_index}: no such product")]
    ProductNotFound {
        /// Index of the line in the buyer's input.
        input_index: usize,
    },
    /// A line, or an adjustment (line 0), asks for more units than are on hand.
    #[error("line {input_index}: {available} available")]
    InsufficientStock {
        /// Index of the line in the buyer's input.
        input_index: usize,
        /// Units on hand.
        available: i32,
    },
    /// A line is in another currency than the first one.
    #[error("line {input_index}: all lines of an order must be in one currency")]
    MixedCurrencies {
        /// Index of the line in the buyer's input.
        input_index: usize,
    },
    /// The total of the order, or a quantity, does not fit its type.
    #[error("the total of the order is too large")]
    TotalOutOfRange,
    /// The stock after an adjustment would not fit an `i32`.
    #[error("the stock would be out of range")]
    StockOutOfRange,
    /// The order's state machine has no such step.
    #[error("an order that is {from:?} cannot become {to:?}")]
    InvalidTransition {
        /// The order's status.
        from: OrderStatus,
        /// The status asked for.
        to: OrderStatus,
    },
}
