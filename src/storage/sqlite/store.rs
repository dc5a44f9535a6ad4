//! The connections of the engine: a pool of threads for reads and a thread for writes.

use rusqlite::Connection;

use super::{
    options::{SqliteLocation, SqliteOptions},
    pool::Pool,
    schema,
    writer::{Writer, Written},
};
use crate::storage::{Appends, Result, StoreError};

/// The embedded storage engine.
pub struct SqliteStore {
    readers: Pool,
    writer: Writer,
    pub(super) appends: Appends,
}

impl SqliteStore {
    /// Opens the database; creates it or migrates its schema as needed.
    /// Errors: `Unavailable`, with advice, if the file can't be used or a newer Orderwire wrote it.
    pub async fn open(location: SqliteLocation, options: SqliteOptions) -> Result<Self> {
        let opened = tokio::task::spawn_blocking(move || {
            let (path, temporary) = location.resolve()?;
            let connection = schema::open(&path, options)?;
            let readers = Pool::open(&path, options)?;
            let appends = Appends::default();
            Ok(Self { readers, writer: Writer::start(connection, temporary, appends.clone())?, appends })
        });
        opened.await.map_err(StoreError::internal)?
    }

    /// Runs `work` on a snapshot, on a reading thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(work).await
    }

    /// Runs `work` in a transaction on the writing thread; its changes are kept only if it succeeds.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.change(|db| work(db).map(Written::unchanged)).await
    }

    /// Like [`Self::write`], for work that appends to the log.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<Written<T>> + Send + 'static,
    ) -> Result<T> {
        self.writer.run(work).await
    }

    /// Waits for the running reads and the queued writes, and closes the connections.
    pub(super) async fn close_connections(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
