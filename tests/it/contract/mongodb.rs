//! The suite on MongoDB: each test has a database of its own on a real server.

use std::sync::Arc;

use async_trait::async_trait;
use bson::{Document, doc};
use orderwire::{
    domain::Seq,
    storage::{Store, mongo::MongoStore},
};

use super::engine::Engine;
use crate::support::options::mongo_options;

/// A database of the server that the environment names.
pub struct Mongodb {
    server: String,
    database: String,
}

impl Mongodb {
    /// The database as another client sees it.
    async fn database(&self) -> mongodb::Database {
        mongodb::Client::with_uri_str(&self.server).await.unwrap().database(&self.database)
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
        Self { server, database: format!("contract_{:032x}", rand::random::<u128>()) }
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

    async fn remove(&self) {
        self.database().await.drop().await.unwrap();
    }
}

every_behaviour!(Mongodb);
