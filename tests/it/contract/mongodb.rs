//! The suite on MongoDB: each test has a database of its own on a real server.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bson::{Document, doc};
use futures_util::TryStreamExt;
use orderwire::{
    domain::Seq,
    storage::{Store, mongo::MongoStore},
};
use tokio::sync::OnceCell;

use super::engine::Engine;
use crate::support::options::mongo_options;

/// A database of the server that the environment names.
pub struct Mongodb {
    server: String,
    database: String,
    client: OnceCell<mongodb::Client>,
    /// How many entries of the profiler [`Engine::examined`] has read.
    profiled: AtomicU64,
}

impl Mongodb {
    /// The database as another client sees it.
    async fn database(&self) -> mongodb::Database {
        let client = self.client.get_or_init(async || mongodb::Client::with_uri_str(&self.server).await.unwrap());
        client.await.database(&self.database)
    }

    /// The URL of the database on the server.
    fn url(&self) -> String {
        let (address, options) = self.server.split_once('?').unwrap_or((&self.server, ""));
        format!("{}/{}?{options}", address.trim_end_matches('/'), self.database)
    }
}

#[async_trait]
impl Engine for Mongodb {
    async fn prepare() -> Self {
        let server = std::env::var("ORDERWIRE_TEST_MONGODB_URL").expect(
            "ORDERWIRE_TEST_MONGODB_URL names no MongoDB; start the tests with: scripts/services run cargo nextest run",
        );
        Self {
            server,
            database: format!("contract_{:032x}", rand::random::<u128>()),
            client: OnceCell::new(),
            profiled: AtomicU64::new(0),
        }
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(MongoStore::connect(&self.url(), mongo_options()).await.unwrap())
    }

    async fn bytes(&self) -> u64 {
        let stats = self.database().await.run_command(doc! { "dbStats": 1 }).await.unwrap();
        stats.get_f64("dataSize").unwrap() as u64
    }

    async fn texts(&self) -> u64 {
        self.database().await.collection::<Document>("log_texts").count_documents(doc! {}).await.unwrap()
    }

    async fn age_texts(&self) {
        let long_ago = doc! { "$set": { "used_at": bson::DateTime::from_millis(0) } };
        self.database().await.collection::<Document>("log_texts").update_many(doc! {}, long_ago).await.unwrap();
    }

    async fn lose_entries_after(&self, seq: Seq) {
        let client = mongodb::Client::with_uri_str(&self.server).await.unwrap();
        let log = client.database(&self.database).collection::<mongodb::bson::Document>("log");
        log.delete_many(mongodb::bson::doc! { "last": { "$gt": seq } }).await.unwrap();
    }

    /// Documents and keys of indexes, from the profiler.
    async fn examined(&self) -> u64 {
        let database = self.database().await;
        if self.profiled.load(Ordering::Relaxed) == 0 {
            // Large enough that it forgets nothing during a test.
            database.create_collection("system.profile").capped(true).size(256 * 1024 * 1024).await.unwrap();
            database.run_command(doc! { "profile": 2 }).await.unwrap();
        }
        let lists = ["users", "products", "orders", "tasks"].map(|name| format!("{}.{name}", self.database));
        let profile = database.collection::<Document>("system.profile");
        let new: Vec<Document> = profile
            .find(doc! {})
            .projection(doc! { "ns": 1, "docsExamined": 1, "keysExamined": 1 })
            .skip(self.profiled.load(Ordering::Relaxed))
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        self.profiled.fetch_add(new.len() as u64, Ordering::Relaxed);
        let of_lists =
            new.iter().filter(|one| one.get_str("ns").is_ok_and(|name| lists.iter().any(|list| list == name)));
        let count = |one: &Document, key: &str| {
            one.get(key).map_or(0, |count| count.as_i64().or(count.as_i32().map(i64::from)).unwrap())
        };
        of_lists.map(|one| (count(one, "docsExamined") + count(one, "keysExamined")) as u64).sum()
    }

    fn examined_by_chance(&self) -> u64 {
        20
    }

    async fn remove(&self) {
        self.database().await.drop().await.unwrap();
    }
}

every_behaviour!(Mongodb);
