//! The error type of exports.

use std::io;

use crate::storage::StoreError;

/// Why an export stopped. A file that was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The output could not be written.
    #[error("cannot write to {name}: {cause}")]
    Write {
        /// Name of the output.
        name: String,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The database failed.
    #[error("cannot export: {0}")]
    Store(#[from] StoreError),
    /// A bug: an entity has no JSON, or the writing thread panicked.
    #[error("the export broke off: {0}")]
    Fault(String),
}
