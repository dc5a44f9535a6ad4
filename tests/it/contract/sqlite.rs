//! The suite on SQLite: each test has a file in a temporary folder.

use std::sync::Arc;

use async_trait::async_trait;
use orderwire::storage::{
    Store,
    sqlite::{SqliteLocation, SqliteStore},
};

use super::engine::Engine;
use crate::support::options::sqlite_options;

/// The folder of the database file.
pub struct Sqlite(tempfile::TempDir);

#[async_trait]
impl Engine for Sqlite {
    async fn prepare() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Arc<dyn Store> {
        let file = SqliteLocation::File(self.0.path().join("orderwire.db"));
        Arc::new(SqliteStore::open(file, sqlite_options()).await.unwrap())
    }

    async fn remove(&self) {
        // Dropping the value removes the folder.
    }
}

every_behaviour!(Sqlite);
