//! The suite on SQLite: each test has a file in a temporary folder.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use orderwire::{
    domain::Seq,
    storage::{
        DeploymentId, Result, Store,
        sqlite::{SqliteLocation, SqliteOptions, SqliteStore},
    },
    telemetry::metrics::metrics,
};

use super::engine::{self, Engine};
use crate::support::options::sqlite_options;

/// The folder of the database file.
pub struct Sqlite {
    folder: tempfile::TempDir,
    /// What [`Engine::examined`] has answered.
    examined: AtomicU64,
}

impl Sqlite {
    /// A number that another connection reads.
    fn number(&self, sql: &str) -> u64 {
        let db = rusqlite::Connection::open(self.folder.path().join("orderwire.db")).unwrap();
        let number: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
        number.try_into().unwrap()
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn prepare(_: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), examined: AtomicU64::default() }
    }

    async fn open_as(&self, deployment: Option<DeploymentId>) -> Result<Arc<dyn Store>> {
        let file = SqliteLocation::File(self.folder.path().join("orderwire.db"));
        let options = SqliteOptions { deployment, ..sqlite_options() };
        Ok(Arc::new(SqliteStore::open(file, options).await?))
    }

    async fn bytes(&self) -> u64 {
        self.number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    }

    async fn texts(&self) -> u64 {
        self.number("SELECT count(*) FROM log_texts")
    }

    async fn lose_entries_after(&self, seq: Seq) {
        let database = rusqlite::Connection::open(self.folder.path().join("orderwire.db")).unwrap();
        let lose = format!(
            "PRAGMA foreign_keys = ON;
             BEGIN; DELETE FROM events WHERE seq > {seq}; UPDATE log SET head = {seq}; COMMIT"
        );
        database.execute_batch(&lose).unwrap();
    }

    async fn examined_in_log(&self) -> u64 {
        self.examined().await
    }

    /// Steps of SQLite's virtual machine.
    async fn examined(&self) -> u64 {
        let now = metrics().sqlite_read_steps.get();
        now - self.examined.swap(now, Ordering::Relaxed)
    }

    fn examined_by_chance(&self) -> u64 {
        2_000
    }

    async fn remove(&self) {
        // Dropping the value removes the folder.
    }
}

every_behaviour!(Sqlite);

/// On one engine, because opening so many sessions takes long on MongoDB.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_thousand_connections_end_in_time_by_their_entries() {
    engine::check::<Sqlite>("connections", async |db| {
        crate::contract::connections::connections_end_in_time(db, 20_000).await
    })
    .await;
}
