//! The suite on MongoDB, on a database of its own of a real server.

use std::sync::Arc;

use async_trait::async_trait;
use orderwire::storage::{
    Store,
    mongo::{MongoOptions, MongoStore},
};

use super::engine::Engine;

/// Server and database.
pub struct Mongodb {
    server: String,
    database: String,
}

impl Mongodb {
    /// The server's URL with the name of the database in its place.
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
        Arc::new(MongoStore::connect(&self.url(), MongoOptions::default()).await.unwrap())
    }

    async fn remove(&self) {
        let client = mongodb::Client::with_uri_str(&self.server).await.unwrap();
        client.database(&self.database).drop().await.unwrap();
    }
}

every_behaviour!(Mongodb);
