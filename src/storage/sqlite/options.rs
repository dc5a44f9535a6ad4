//! Location and options of the database.

use std::{path::PathBuf, time::Duration};

use tempfile::TempDir;

use crate::storage::{Result, StoreError};

/// Location of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteLocation {
    /// This file, created if it is missing; its directory must exist.
    File(PathBuf),
    /// A file in a temporary folder, which is deleted with the store.
    Temporary,
}

impl SqliteLocation {
    /// The file, and the temporary folder to keep for as long as it is used.
    pub(super) fn resolve(self) -> Result<(PathBuf, Option<TempDir>)> {
        match self {
            Self::File(path) => Ok((path, None)),
            Self::Temporary => {
                let folder = tempfile::Builder::new().prefix("orderwire-").tempdir().map_err(|error| {
                    StoreError::Unavailable(format!("no temporary folder can be made: {error}; set TMPDIR to one"))
                })?;
                Ok((folder.path().join("orderwire.db"), Some(folder)))
            }
        }
    }
}

/// Options of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Number of reads that may run at the same time, at least 1.
    pub readers: usize,
    /// How long a write waits for another process that is writing to the same file.
    pub busy_timeout: Duration,
}
