//! The embedded engine: SQLite in a file, with nothing to install.
//!
//! - All writes go through one thread with one connection (`writer`). It runs the changes that wait as one `IMMEDIATE`
//!   transaction, each in a savepoint, and answers when the commit is on disk. So each change is atomic, and changes
//!   share the cost of the sync. A caller that goes away interrupts nothing.
//! - The event log's numbers are assigned inside that transaction. So they have no gaps and become visible in order, even
//!   if a second process writes to the same file.
//! - Reads run on threads with a connection each (`pool`), on a snapshot (WAL), and never wait for writes.
//! - A list query walks an index that holds the filter, the sort key and the id (`list`). `ANALYZE` is never run, so the
//!   query plans do not depend on the data.

mod api_key;
mod consumer;
mod delivery;
mod deployment;
mod epoch;
mod error;
mod event;
mod export;
mod idempotency;
mod import;
mod job;
mod list;
mod metadata;
mod options;
mod order;
mod page;
mod pool;
mod product;
mod product_list;
mod prune;
mod queue;
mod read_limit;
mod row;
mod schema;
mod session;
mod store;
mod task;
#[cfg(test)]
mod tests;
mod user;
mod words;
mod writer;

use async_trait::async_trait;

pub use options::{SqliteLocation, SqliteOptions};
pub use store::SqliteStore;

use crate::{
    domain::{Clock, SystemClock, Timestamp},
    storage::{DeploymentId, Result, Store},
};

#[async_trait]
impl Store for SqliteStore {
    fn engine(&self) -> &'static str {
        "sqlite"
    }

    async fn ping(&self) -> Result<Timestamp> {
        self.read(|db| Ok(db.query_row("SELECT head FROM log", [], |_| Ok(()))?)).await?;
        self.write(|_| Ok(())).await?;
        // The database has no other clock than the machine's.
        Ok(SystemClock.now())
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        while self.write(move |db| prune::log(db, log_before)).await? {}
        while self.write(prune::texts).await? {}
        while self.write(move |db| prune::sessions(db, now)).await? {}
        while self.write(move |db| prune::keys(db, keys_before)).await? {}
        while self.write(move |db| prune::deliveries(db, log_before)).await? {}
        while self.write(move |db| prune::jobs(db, log_before, keys_before)).await? {}
        Ok(())
    }

    async fn set_deployment(&self, deployment: DeploymentId) -> Result<()> {
        self.write(move |db| deployment::set(db, deployment)).await
    }

    async fn close(&self) {
        self.close_connections().await;
    }
}
