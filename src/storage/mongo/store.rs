//! The state of the engine: its collections, its locks and what it keeps in memory.

use std::sync::Arc;

use mongodb::{Client, Database};
use tokio::sync::{Mutex, Semaphore};
use tokio_util::task::TaskTracker;

use super::{collections::Collections, order_queue::OrderQueue, product_cache::ProductCache};
use crate::domain::LogId;

/// The MongoDB engine. Cheap to clone; clones share one connection pool.
#[derive(Clone)]
pub struct MongoStore(pub(super) Arc<Inner>);

/// What all clones share: the connections and what belongs to the process.
pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) database: Database,
    /// Name that marks this application's sessions in the server.
    pub(super) app_name: String,
    pub(super) collections: Collections,
    pub(super) log: LogId,
    pub(super) product_cache: ProductCache,
    /// Permits for operations outside of transactions, so that these leave connections for transactions.
    pub(super) read_permits: Semaphore,
    /// Held by the transaction of this process that may append to the log.
    pub(super) log_lock: Mutex<()>,
    /// Orders that wait for the lock on the log.
    pub(super) order_queue: OrderQueue,
    /// Tasks of the transactions under way; `close` waits for them.
    pub(super) running_transactions: TaskTracker,
}
