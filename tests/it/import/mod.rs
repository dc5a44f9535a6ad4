//! Imports into SQLite from the bundled samples and from small made-up files.
//!
//! The expected figures of the samples were computed from the same bytes by a separate Python script (csv, decimal
//! and zoneinfo modules), not by this program.

mod bad_input;
mod jira;
mod online_retail;
mod rules;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
};

use crate::support::options::sqlite_options;
use orderwire::{
    domain::{
        Direction, ListQuery, Order, OrderFields, OrderFilter, OrderSort, Product, ProductFields, ProductFilter,
        ProductSort, Slice, Sort, Timestamp, User, UserFilter, UserId, UserRole, UserSort,
    },
    service::import::{ImportSource, Progress, Stage},
    storage::{
        Store,
        sqlite::{SqliteLocation, SqliteStore},
    },
};
use tempfile::TempDir;
use tokio::sync::Notify;

async fn empty_store() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(SqliteLocation::Temporary, sqlite_options()).await.unwrap())
}

fn some_user(name: &str) -> User {
    let at = Timestamp::from_unix_millis(1_600_000_000_000);
    User {
        metadata: orderwire::domain::Metadata::default(),
        id: UserId::derived(at, "test", name),
        email: Some(format!("{name}@example.com")),
        name: name.to_owned(),
        role: UserRole::Staff,
        region: None,
        deleted_at: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

/// Creates a temporary folder with a file of this content.
fn file_with(content: &[u8]) -> (TempDir, ImportSource) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    std::fs::write(&path, content).unwrap();
    (folder, ImportSource::File(path))
}

fn path_of(source: &ImportSource) -> PathBuf {
    match source {
        ImportSource::File(path) => path.clone(),
        ImportSource::Bundled { .. } => panic!("not a file"),
    }
}

fn bytes_of(source: &ImportSource) -> &'static [u8] {
    match source {
        ImportSource::Bundled { bytes, .. } => bytes,
        ImportSource::File(_) => panic!("not bundled"),
    }
}

/// Reads all products, users and orders, sorted by time and id.
async fn everything(store: &dyn Store) -> (Vec<Product>, Vec<User>, Vec<Order>) {
    const MORE_THAN_THERE_ARE: u32 = 10_000;
    fn all<F: Default, S, P>(field: S, fields: P) -> ListQuery<F, S, P> {
        let sort = Sort { field, direction: Direction::Asc };
        ListQuery { filter: F::default(), sort, slice: Slice::first(MORE_THAN_THERE_ARE), fields }
    }
    let products = all::<ProductFilter, _, _>(ProductSort::CreatedAt, ProductFields::ALL);
    let users = all::<UserFilter, _, _>(UserSort::CreatedAt, ());
    let orders = all::<OrderFilter, _, _>(OrderSort::PlacedAt, OrderFields::ALL);
    let products = store.list_products(&[products]).await.unwrap().remove(0);
    let users = store.list_users(&[users]).await.unwrap().remove(0);
    let orders = store.list_orders(&[orders]).await.unwrap().remove(0);
    (
        products.edges.into_iter().map(|edge| edge.node).collect(),
        users.edges.into_iter().map(|edge| edge.node).collect(),
        orders.edges.into_iter().map(|edge| edge.node).collect(),
    )
}

/// Interrupts an import after a number of progress reports of one stage.
struct CutOff {
    stage: Stage,
    reports_left: AtomicU64,
    reached: Notify,
}

impl CutOff {
    fn after(reports: u64, stage: Stage) -> Arc<Self> {
        Arc::new(Self { stage, reports_left: AtomicU64::new(reports), reached: Notify::new() })
    }

    /// Runs `import` and drops the future once the last of these reports has been made.
    async fn cut<T>(&self, import: impl Future<Output = T>) {
        tokio::select! {
            biased;
            () = self.reached.notified() => {}
            _ = import => panic!("the import was over before it could be cut off"),
        }
    }
}

impl Progress for CutOff {
    fn update(&self, stage: Stage, _: u64, _: u64) {
        if stage == self.stage && self.reports_left.fetch_sub(1, Relaxed) == 1 {
            self.reached.notify_one();
        }
    }
}
