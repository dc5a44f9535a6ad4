//! The engine that scales out: MongoDB replica sets and sharded clusters.
//!
//! - A majority acknowledges every write, with its journal. A standalone server can do neither that nor transactions, so
//!   the engine refuses to start on one.
//! - Each change leaves its log entries in an outbox, in its own transaction. Transactions share no document, so they
//!   run side by side; afterwards a short transaction numbers the entries ([`sequencer`]). Orders that wait share a
//!   transaction ([`place`]). Transactions that collide retry with jittered back-off.
//! - All reads use majority read concern: what a reader has seen is never rolled back, and an entity becomes visible
//!   together with its entry in the outbox. They never go back in time, also when another server becomes the primary
//!   ([`seen_time`]).
//! - Values that are unique have collections of their own ([`unique`], [`order_keys`]), and commands name the shard keys
//!   of [`shard_keys`], so that a sharded cluster serves each on one shard where possible.
//! - A list query walks an index in list order ([`scan`], [`collections`]), and rows are decoded straight from the raw reply
//!   ([`codec`]).

mod abandoned_transactions;
mod api_key;
mod carry_over;
mod causal;
mod chunks;
mod clock;
mod codec;
mod collections;
mod connect;
mod consumer;
mod count;
mod delivery;
mod epoch;
mod error;
mod event;
mod export;
mod filter;
mod idempotency;
mod import;
mod job;
mod list;
mod log_bounds;
mod log_texts;
mod merged_scan;
mod metadata;
mod order;
mod order_keys;
mod order_queue;
mod outbox;
mod place;
mod product;
mod read;
mod replicas;
mod rights;
mod sales;
mod scan;
mod schema;
mod search;
mod seen_time;
mod sequencer;
mod session;
mod shard_keys;
mod stock_batch;
mod store;
mod task;
mod transaction;
mod unique;
mod unnumbered;
mod url;
mod user;
mod words;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use bson::doc;

pub use connect::{CommandObserver, MongoOptions};
pub use replicas::ReadFrom;
pub use shard_keys::{SHARDED_COLLECTIONS, ShardKey, ShardedCollection, shard_plan};
pub use store::MongoStore;
pub use url::check_url;

use crate::{
    domain::Timestamp,
    storage::{DeploymentId, Result, Store},
};

#[async_trait]
impl Store for MongoStore {
    fn engine(&self) -> &'static str {
        "mongodb"
    }

    async fn ping(&self) -> Result<Timestamp> {
        // A round trip to the primary through the pool: what a read or write needs.
        let hello = self.0.with_timeout(self.0.database.run_command(doc! { "hello": 1 })).await?;
        clock::time_of(&hello)
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        self.0.prune_log(log_before).await?;
        self.0.prune_texts(log_before).await?;
        self.0.collections.sessions.delete_many(doc! { "expires_at": { "$lte": now } }).await?;
        self.0.prune_keys(keys_before).await?;
        self.0.with_timeout(self.0.collections.deliveries.delete_many(doc! { "at": { "$lt": log_before } })).await?;
        self.0.prune_jobs(log_before, keys_before).await?;
        Ok(())
    }

    async fn set_deployment(&self, deployment: DeploymentId) -> Result<()> {
        let set = doc! { "$set": { "deployment": deployment.0 } };
        self.0.with_timeout(self.0.collections.counters.update_one(doc! { "_id": "log" }, set)).await?;
        Ok(())
    }

    async fn close(&self) {
        self.0.running_transactions.close();
        self.0.running_transactions.wait().await;
        self.0.client.clone().shutdown().await;
    }
}
