//! Why an import stopped.

use std::{io, path::PathBuf};

use crate::storage::StoreError;

/// Why an import stopped. What was stored until then stays; running the import again completes it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file can't be opened or read.
    #[error("cannot read {name}: {cause}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        cause: io::Error,
    },
    /// Something else than a file: it has to be read twice.
    #[error("{0} is not a regular file")]
    NotAFile(String),
    /// There is not even a header.
    #[error("{0} is empty")]
    Empty(String),
    /// The columns are not those of the data set.
    #[error("{name} has other columns than expected: found \"{found}\", expected \"{expected}\"")]
    Header {
        /// The file.
        name: String,
        /// Its first record, shortened.
        found: String,
        /// The columns of the data set.
        expected: String,
    },
    /// The compressed data ends too early.
    #[error("{0} is cut off: its compressed data ends too early")]
    CutOff(String),
    /// A record has no end in sight.
    #[error("{name}, line {line}: a record longer than 4 MiB; is a quotation mark left open?")]
    RecordTooLong {
        /// The file.
        name: String,
        /// Where the record starts.
        line: u64,
    },
    /// The second reading found something else than the first.
    #[error("{0} was changed while it was read; run the import again")]
    Changed(String),
    /// The rejects can't be written.
    #[error("cannot write the rejects to {}: {cause}", path.display())]
    Rejects {
        /// The rejects file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The rejects would overwrite what is imported.
    #[error("{} is the file to import: the rejects need another one", .0.display())]
    RejectsAreSource(PathBuf),
    /// Nobody has the e-mail address that was given.
    #[error("there is no user with the e-mail address {0}")]
    NoSuchUser(String),
    /// The database refused.
    #[error("cannot store: {0}; run the import again to complete it")]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("the import broke off: {0}")]
    Fault(String),
}

/// The reading thread ended without a result.
pub(super) fn broken_off(error: tokio::task::JoinError) -> ImportError {
    ImportError::Fault(error.to_string())
}
