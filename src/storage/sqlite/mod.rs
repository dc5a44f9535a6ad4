//! The embedded engine: SQLite in a file, with nothing to install.
//!
//! # How it keeps its promises
//! - All writes go through one thread with one connection (`writer`). It runs the changes that wait as one
//!   `IMMEDIATE` transaction, each in a savepoint of its own, and answers when the commit is on the disk: so changes
//!   are atomic one by one and share the cost of the sync. A caller that goes away breaks nothing.
//! - The event log's numbers are given inside that transaction, so they have no gaps and become visible in order, also
//!   when a second process writes to the same file.
//! - Reads run on connections of their own against a snapshot (WAL), on blocking threads, and never wait for writes.
//! - Every list query walks an index that holds the filter, the sort key and the id (`list`); `ANALYZE` is never
//!   run, so plans are the same whatever the data. Queries cost no round trip here: a page is the ids that the index
//!   gives, and then each row by its id.

mod error;
mod event;
mod idempotency;
mod import;
mod list;
mod options;
mod order;
mod page;
mod pool;
mod product;
mod product_list;
mod row;
mod schema;
mod session;
mod task;
#[cfg(test)]
mod tests;
mod user;
mod writer;

use async_trait::async_trait;
use rusqlite::Connection;

pub use options::{SqliteLocation, SqliteOptions};

use self::{pool::Pool, writer::Writer};
use super::{Result, Store};
use crate::domain::Timestamp;

/// The embedded storage engine.
pub struct SqliteStore {
    readers: Pool,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database, making it or bringing its schema up to date as needed.
    /// Errors: `Unavailable`, saying what to do, when the file can't be used or is of a newer Orderwire.
    pub async fn open(location: SqliteLocation, options: SqliteOptions) -> Result<Self> {
        let opened = tokio::task::spawn_blocking(move || {
            let (path, temporary) = location.resolve()?;
            let connection = schema::open(&path, options)?;
            let readers = Pool::open(&path, options)?;
            Ok(Self { readers, writer: Writer::start(connection, temporary)? })
        });
        opened.await.map_err(super::StoreError::internal)?
    }

    /// Runs `work` on a snapshot, on a blocking thread.
    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        self.readers.run(work).await
    }

    /// Runs `work` in a transaction on the writing thread; its changes are kept when it succeeds, else none is.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.run(work).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn engine(&self) -> &'static str {
        "sqlite"
    }

    async fn ping(&self) -> Result<()> {
        self.read(|db| Ok(db.query_row("SELECT head FROM log", [], |_| Ok(()))?)).await?;
        self.write(|_| Ok(())).await
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        while self.write(move |db| event::prune(db, log_before)).await? {}
        while self.write(move |db| session::prune(db, now)).await? {}
        while self.write(move |db| idempotency::prune(db, keys_before)).await? {}
        Ok(())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
