//! Location and options of the database.

use std::{path::PathBuf, time::Duration};

use tempfile::TempDir;

use crate::storage::{DeploymentId, Result, StoreError};

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
    /// Bytes of pages that all connections keep in memory. Half is for writes, the rest is shared by the readers.
    pub page_cache: usize,
    /// Bytes of the file that all readers map into memory.
    pub mmap: usize,
    /// The most bytes that SQLite takes in this process, without what is mapped.
    pub heap: usize,
    /// How long a write waits for another process that is writing to the same file.
    pub busy_timeout: Duration,
    /// The deployment of this process, if it has a signing key: files of others are refused.
    pub deployment: Option<DeploymentId>,
}

impl SqliteOptions {
    /// The number of connections for reads.
    pub(super) fn reader_count(&self) -> usize {
        self.readers.clamp(1, 256)
    }

    /// Sets the memory of the connection for writes. It maps nothing.
    pub(super) fn writer_memory(&self) -> String {
        memory(self.page_cache / 2, 0)
    }

    /// Sets the memory of each connection for reads.
    pub(super) fn reader_memory(&self) -> String {
        let readers = self.reader_count();
        memory(self.page_cache / 2 / readers, self.mmap / readers)
    }

    /// Sets the limits of this process: beyond the first, SQLite reuses pages of its caches; beyond the second, it fails.
    pub(super) fn heap_limits(&self) -> String {
        format!("PRAGMA soft_heap_limit = {}; PRAGMA hard_heap_limit = {};", self.heap / 8 * 7, self.heap)
    }
}

/// Sets the bytes of pages that a connection keeps, and the bytes of the file that it maps.
fn memory(page_cache: usize, mmap: usize) -> String {
    format!("PRAGMA cache_size = -{}; PRAGMA mmap_size = {mmap};", (page_cache / 1024).max(1))
}
