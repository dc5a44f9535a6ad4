//! The suite on MongoDB: each test has a database of its own on a real server.

use std::sync::Arc;

use async_trait::async_trait;
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

    async fn lose_entries_after(&self, seq: Seq) {
        let client = mongodb::Client::with_uri_str(&self.server).await.unwrap();
        let log = client.database(&self.database).collection::<mongodb::bson::Document>("log");
        log.delete_many(mongodb::bson::doc! { "last": { "$gt": seq } }).await.unwrap();
    }

    async fn remove(&self) {
        let client = mongodb::Client::with_uri_str(&self.server).await.unwrap();
        client.database(&self.database).drop().await.unwrap();
    }
}

every_behaviour!(Mongodb);
