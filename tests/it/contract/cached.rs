//! The suite on both engines with the cache of a node in front of each. Each node has a feed of its own, which keeps its
//! cache right.

use std::sync::Arc;

use async_trait::async_trait;
use orderwire::{
    cluster::local::LocalBus,
    config::Config,
    domain::Seq,
    service::feed::EventFeed,
    storage::{DeploymentId, NearCache, Result, Store},
};
use parking_lot::Mutex;

use super::engine::Engine;
use crate::support::options::feed_options;

/// An engine whose stores have a cache in front of them.
pub struct Cached<E> {
    engine: E,
    feeds: Mutex<Vec<Arc<EventFeed>>>,
}

#[async_trait]
impl<E: Engine> Engine for Cached<E> {
    async fn prepare(topic: &str) -> Self {
        Self { engine: E::prepare(topic).await, feeds: Mutex::default() }
    }

    async fn open_as(&self, deployment: Option<DeploymentId>) -> Result<Arc<dyn Store>> {
        let store = self.engine.open_as(deployment).await?;
        let cache = Arc::new(NearCache::new(store.clone(), Config::default().cache.bytes));
        let bus = Arc::new(LocalBus::new());
        let feed = EventFeed::start_with(store, bus, feed_options(), Some(cache.clone())).await.unwrap();
        self.feeds.lock().push(feed);
        Ok(cache)
    }

    async fn bytes(&self) -> u64 {
        self.engine.bytes().await
    }

    async fn texts(&self) -> u64 {
        self.engine.texts().await
    }

    async fn age_texts(&self) {
        self.engine.age_texts().await;
    }

    async fn lose_entries_after(&self, seq: Seq) {
        self.engine.lose_entries_after(seq).await;
    }

    async fn examined(&self) -> u64 {
        self.engine.examined().await
    }

    /// Without what the feeds have still to read: they follow the log beside the test.
    async fn examined_in_log(&self) -> u64 {
        let feeds = self.feeds.lock().clone();
        for feed in feeds {
            feed.caught_up().await;
        }
        self.engine.examined_in_log().await
    }

    fn examined_by_chance(&self) -> u64 {
        self.engine.examined_by_chance()
    }

    fn faults(&self) -> Vec<String> {
        self.engine.faults()
    }

    async fn remove(&self) {
        let feeds = std::mem::take(&mut *self.feeds.lock());
        for feed in feeds {
            feed.shutdown().await;
        }
        self.engine.remove().await;
    }
}

/// SQLite behind a cache.
pub mod sqlite {
    use super::super::sqlite::Sqlite;

    type CachedSqlite = super::Cached<Sqlite>;
    every_behaviour!(CachedSqlite);
}

/// MongoDB behind a cache.
pub mod mongodb {
    use super::super::mongodb::Mongodb;

    type CachedMongodb = super::Cached<Mongodb>;
    every_behaviour!(CachedMongodb);
}
