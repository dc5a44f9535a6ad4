//! What a storage operation can fail with, the same for every engine.

use crate::{domain::Refusal, fairness::OverBudget};

/// The result of a storage operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a storage operation did not happen. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule forbids the change.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database can't be reached, is overloaded or out of space; a later attempt may succeed. The text is for the
    /// log and for operators.
    #[error("storage unavailable: {0}")]
    Unavailable(String),
    /// The read would load more bytes than there is room for.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// A fault of the program or of the stored data. The text is for the log, never for clients.
    #[error("storage fault: {0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// A [`StoreError::Internal`] from a description or an error.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The label of the failure in metrics: the database is away, the program is at fault, or a rule or a budget forbids
    /// it.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
            Self::Refused(_) | Self::OverBudget(_) => "refused",
        }
    }
}
