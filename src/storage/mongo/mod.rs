//! The engine that scales out: MongoDB replica sets and sharded clusters.
//!
//! - Every write is acknowledged by a majority, with its journal. A standalone server can't do that, nor transactions:
//!   it is refused.
//! - Whatever appends to the event log is one transaction that also moves the log's one counter ([`transaction`]).
//!   Transactions that overlap can't both move it, so the counter's order is the commit order, without gaps. Within one
//!   process they take turns instead of colliding, and orders that wait for their turn share one transaction
//!   ([`order_queue`]), which makes the counter cheap. Processes that collide retry with jittered back-off.
//! - Everything is read with majority read concern: what a reader has seen is never rolled back, and the log and what
//!   it is about are never apart.
//! - Products that many lines of orders name are read once and then checked against the log ([`known`]).
//! - List queries walk an index in list order ([`query`], [`indexes`]); rows are decoded straight from the raw reply
//!   ([`codec`]).

mod abandoned_transactions;
mod codec;
mod connect;
mod error;
mod event;
mod idempotency;
mod import;
mod indexes;
mod merged_scan;
mod order;
mod order_queue;
mod product;
mod product_cache;
mod query;
mod read;
mod search;
mod session;
mod stock_batch;
mod task;
mod transaction;
mod user;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use bson::{RawDocumentBuf, doc};
use mongodb::{Client, Collection, Database};
use tokio_util::task::TaskTracker;

pub use connect::MongoOptions;

use crate::{
    domain::{LogId, Timestamp},
    storage::{Result, Store},
};

/// The MongoDB engine. Cheap to clone; clones share one connection pool.
#[derive(Clone)]
pub struct MongoStore(Arc<Inner>);

/// What every part of the engine works with.
struct Inner {
    client: Client,
    database: Database,
    /// Tells our sessions from those of others.
    app_name: String,
    users: Collection<RawDocumentBuf>,
    sessions: Collection<RawDocumentBuf>,
    products: Collection<RawDocumentBuf>,
    orders: Collection<RawDocumentBuf>,
    tasks: Collection<RawDocumentBuf>,
    events: Collection<RawDocumentBuf>,
    counters: Collection<RawDocumentBuf>,
    idempotency: Collection<RawDocumentBuf>,
    log: LogId,
    product_cache: product_cache::ProductCache,
    /// For each operation that is no part of a transaction.
    reads: tokio::sync::Semaphore,
    /// Held by the one transaction of this process that may append to the log.
    log_lock: tokio::sync::Mutex<()>,
    /// Orders that wait for their turn.
    order_queue: parking_lot::Mutex<VecDeque<order_queue::QueuedOrder>>,
    /// Transactions under way.
    running_transactions: TaskTracker,
}

#[async_trait]
impl Store for MongoStore {
    fn engine(&self) -> &'static str {
        "mongodb"
    }

    async fn ping(&self) -> Result<()> {
        // A round trip to the primary through the pool: what a read or write needs.
        self.0.with_timeout(self.0.database.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        self.0.prune_log(log_before).await?;
        self.0.sessions.delete_many(doc! { "expires_at": { "$lte": now } }).await?;
        self.0.idempotency.delete_many(doc! { "created_at": { "$lt": keys_before } }).await?;
        Ok(())
    }

    async fn close(&self) {
        self.0.running_transactions.close();
        self.0.running_transactions.wait().await;
        self.0.client.clone().shutdown().await;
    }
}
