//! The state of the engine: its collections, its locks and what it keeps in memory.

use std::sync::Arc;

use mongodb::{Client, Database};
use tokio_util::task::TaskTracker;

use super::{
    chunks::SeenChunks, collections::Collections, order_queue::OrderQueue, product_cache::ProductCache,
    replicas::Replicas, seen_time::SeenTime, unnumbered::Unnumbered,
};
use crate::{fairness::FairSemaphore, storage::Appends};

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
    /// Whether reads and updates name the shard key of a document, because the server is the router of a sharded cluster.
    pub(super) names_shard_keys: bool,
    pub(super) seen_chunks: SeenChunks,
    pub(super) seen_time: SeenTime,
    /// Which servers answer reads of entities and lists.
    pub(super) replicas: Replicas,
    pub(super) product_cache: ProductCache,
    /// Permits for operations outside of transactions, so that these leave connections for transactions.
    pub(super) read_permits: FairSemaphore,
    /// Permits for transactions in which callers change things.
    pub(super) change_permits: FairSemaphore,
    /// Orders that wait to be placed.
    pub(super) order_queue: OrderQueue,
    /// What this process has committed and not numbered.
    pub(super) unnumbered: Unnumbered,
    /// Tells the feed of the entries that this process has numbered.
    pub(super) appends: Appends,
    /// A random number that marks what this process leaves in the outbox.
    pub(super) process: i64,
    /// Tasks of the transactions under way; `close` waits for them.
    pub(super) running_transactions: TaskTracker,
}
