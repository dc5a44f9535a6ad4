//! Bulk loading.

use async_trait::async_trait;
use bson::RawDocumentBuf;
use mongodb::{
    Collection,
    error::{Error, ErrorKind},
};

use super::{
    error::duplicate_index,
    order, product,
    store::{Inner, MongoStore},
    task, user,
};
use crate::{
    domain::{Order, Product, Task, User},
    storage::{ImportStore, Result},
};

/// Documents in one request; an interrupted import loses at most these.
const CHUNK: usize = 1000;

impl Inner {
    /// Adds the documents whose `_id` is new and returns their number.
    async fn load<T: Sync>(
        &self,
        collection: &Collection<RawDocumentBuf>,
        rows: &[T],
        encode: impl Fn(&T) -> RawDocumentBuf,
    ) -> Result<u64> {
        let mut new = 0;
        for chunk in rows.chunks(CHUNK) {
            let documents: Vec<_> = chunk.iter().map(&encode).collect();
            let inserted = collection.insert_many(documents).ordered(false).await;
            let known = match inserted {
                Ok(_) => 0,
                Err(error) => known_ids(error)?,
            };
            new += (chunk.len() - known) as u64;
        }
        Ok(new)
    }
}

/// The number of documents that were refused because their `_id` exists; any other failure is an error.
fn known_ids(mut error: Error) -> Result<usize> {
    let ErrorKind::InsertMany(failure) = error.kind.as_mut() else { return Err(error.into()) };
    let refused = failure.write_errors.take().unwrap_or_default();
    let count = refused.len();
    let others: Vec<_> = refused.into_iter().filter(|write| !write.message.contains(" index: _id_ ")).collect();
    if others.is_empty() && failure.write_concern_error.is_none() && count > 0 {
        return Ok(count);
    }
    failure.write_errors = Some(others);
    debug_assert!(duplicate_index(&error).is_none_or(|index| !index.ends_with("_id_")));
    Err(error.into())
}

#[async_trait]
impl ImportStore for MongoStore {
    async fn import_users(&self, users: &[User]) -> Result<u64> {
        self.0.load(&self.0.collections.users, users, |one| user::encode(one, None)).await
    }

    async fn import_products(&self, products: &[Product]) -> Result<u64> {
        self.0.load(&self.0.collections.products, products, product::encode).await
    }

    async fn import_orders(&self, orders: &[Order]) -> Result<u64> {
        self.0.load(&self.0.collections.orders, orders, order::encode).await
    }

    async fn import_tasks(&self, tasks: &[Task]) -> Result<u64> {
        self.0.load(&self.0.collections.tasks, tasks, task::encode).await
    }
}
