//! Bulk loading: each batch is one change, which is on disk as a whole when the call returns.

use async_trait::async_trait;
use rusqlite::Connection;

use super::{order, product, store::SqliteStore, task, user};
use crate::{
    domain::{Order, Product, Task, User},
    storage::{ImportStore, Result},
};

impl SqliteStore {
    /// Inserts `entities` and returns the number of new ones.
    async fn load<T: Clone + Send + Sync + 'static>(
        &self,
        entities: &[T],
        insert: impl Fn(&Connection, &T) -> Result<bool> + Send + 'static,
    ) -> Result<u64> {
        let entities = entities.to_vec();
        self.write(move |db| {
            let mut added = 0;
            for entity in &entities {
                added += u64::from(insert(db, entity)?);
            }
            Ok(added)
        })
        .await
    }
}

#[async_trait]
impl ImportStore for SqliteStore {
    async fn import_users(&self, users: &[User]) -> Result<u64> {
        self.load(users, |db, user| user::insert_new(db, user, None)).await
    }

    async fn import_products(&self, products: &[Product]) -> Result<u64> {
        self.load(products, product::insert_new).await
    }

    async fn import_orders(&self, orders: &[Order]) -> Result<u64> {
        self.load(orders, order::insert_new).await
    }

    async fn import_tasks(&self, tasks: &[Task]) -> Result<u64> {
        self.load(tasks, task::insert_new).await
    }
}
