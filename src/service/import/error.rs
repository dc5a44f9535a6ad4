//! The error type of imports.

use std::{io, path::PathBuf};

use crate::storage::StoreError;

/// Why an import stopped. Entities stored before stay; running the import again completes it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be opened or read.
    #[error("cannot read {name}: {cause}")]
    Read {
        /// Name of the file.
        name: String,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The source is not a regular file, so it could not be read twice.
    #[error("{0} is not a regular file")]
    NotAFile(String),
    /// The file has no header.
    #[error("{0} is empty")]
    Empty(String),
    /// The file's columns are not those of the data set.
    #[error("{name} has other columns than expected: found \"{found}\", expected \"{expected}\"")]
    Header {
        /// Name of the file.
        name: String,
        /// The file's first record, escaped and shortened.
        found: String,
        /// The expected columns, those of the data set.
        expected: String,
    },
    /// The compressed data ends too early.
    #[error("{0} is cut off: its compressed data ends too early")]
    CutOff(String),
    /// A record exceeds the size limit.
    #[error("{name}, line {line}: a record longer than 4 MiB; is a quotation mark left open?")]
    RecordTooLong {
        /// Name of the file.
        name: String,
        /// Line on which the record starts.
        line: u64,
    },
    /// The file changed between the first and the second pass.
    #[error("{0} was changed while it was read; run the import again")]
    Changed(String),
    /// The rejects file could not be written.
    #[error("cannot write the rejects to {}: {cause}", path.display())]
    Rejects {
        /// Path of the rejects file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The rejects file would overwrite the source.
    #[error("{} is the file to import: the rejects need another one", .0.display())]
    RejectsAreSource(PathBuf),
    /// No user has the given e-mail address.
    #[error("there is no user with the e-mail address {0}")]
    NoSuchUser(String),
    /// The database failed or refused an entity.
    #[error("cannot store: {0}; run the import again to complete it")]
    Store(#[from] StoreError),
    /// A bug: the reading thread panicked.
    #[error("the import broke off: {0}")]
    Fault(String),
}

/// Converts the failure of the reading thread.
pub(super) fn broken_off(error: tokio::task::JoinError) -> ImportError {
    ImportError::Fault(error.to_string())
}
