//! Bulk loading.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf, doc};
use futures_util::future::BoxFuture;
use mongodb::Collection;

use super::{
    codec::{BsonValue, read_fields},
    collections::Collections,
    order, product,
    read::{TimedRead, collect_rows},
    store::{Inner, MongoStore},
    task,
    transaction::{Transaction, TransactionResult},
    unique, user,
};
use crate::{
    domain::{Order, OrderId, Product, ProductId, Task, TaskId, User, UserId},
    storage::{ImportStore, Result},
};

/// Documents in one transaction; an interrupted import loses at most these.
const BATCH: usize = 1000;
/// Bytes after which a transaction takes no further document.
const BATCH_BYTES: usize = 4 << 20;

/// An entity that is loaded.
trait Imported: Clone + Send + Sync + 'static {
    type Id: Copy + Eq + Hash + BsonValue + Into<Bson> + Send;

    fn id(&self) -> Self::Id;
    fn encode(&self) -> RawDocumentBuf;
    /// Where the entities are.
    fn collection(collections: &Collections) -> &Collection<RawDocumentBuf>;
    /// Where each known id is the `_id` of a document.
    fn ids(store: &Inner) -> &Collection<RawDocumentBuf> {
        Self::collection(&store.collections)
    }
    /// Stores the values of new entities that no other may have.
    fn insert_unique<'t>(transaction: &'t mut Transaction, new: &'t [&'t Self])
    -> BoxFuture<'t, TransactionResult<()>>;
}

impl Imported for User {
    type Id = UserId;

    fn id(&self) -> UserId {
        self.id
    }
    fn encode(&self) -> RawDocumentBuf {
        user::encode(self, None)
    }
    fn collection(collections: &Collections) -> &Collection<RawDocumentBuf> {
        &collections.users
    }
    fn insert_unique<'t>(
        transaction: &'t mut Transaction,
        new: &'t [&'t Self],
    ) -> BoxFuture<'t, TransactionResult<()>> {
        let value = |user: &&User| Some(unique::encode(user.email.as_deref()?, user.id.to_bytes()));
        let emails = transaction.store.collections.emails.clone();
        Box::pin(async move { transaction.insert(&emails, new.iter().filter_map(value).collect()).await })
    }
}

impl Imported for Product {
    type Id = ProductId;

    fn id(&self) -> ProductId {
        self.id
    }
    fn encode(&self) -> RawDocumentBuf {
        product::encode(self)
    }
    fn collection(collections: &Collections) -> &Collection<RawDocumentBuf> {
        &collections.products
    }
    fn insert_unique<'t>(
        transaction: &'t mut Transaction,
        new: &'t [&'t Self],
    ) -> BoxFuture<'t, TransactionResult<()>> {
        let value = |product: &&Product| unique::encode(&product.sku, product.id.to_bytes());
        let skus = transaction.store.collections.skus.clone();
        Box::pin(async move { transaction.insert(&skus, new.iter().map(value).collect()).await })
    }
}

impl Imported for Order {
    type Id = OrderId;

    fn id(&self) -> OrderId {
        self.id
    }
    fn encode(&self) -> RawDocumentBuf {
        order::encode(self)
    }
    fn collection(collections: &Collections) -> &Collection<RawDocumentBuf> {
        &collections.orders
    }
    fn ids(store: &Inner) -> &Collection<RawDocumentBuf> {
        if store.names_shard_keys { &store.collections.order_keys } else { &store.collections.orders }
    }
    fn insert_unique<'t>(
        transaction: &'t mut Transaction,
        new: &'t [&'t Self],
    ) -> BoxFuture<'t, TransactionResult<()>> {
        Box::pin(transaction.insert_order_keys(new))
    }
}

impl Imported for Task {
    type Id = TaskId;

    fn id(&self) -> TaskId {
        self.id
    }
    fn encode(&self) -> RawDocumentBuf {
        task::encode(self)
    }
    fn collection(collections: &Collections) -> &Collection<RawDocumentBuf> {
        &collections.tasks
    }
    fn insert_unique<'t>(_: &'t mut Transaction, _: &'t [&'t Self]) -> BoxFuture<'t, TransactionResult<()>> {
        Box::pin(async { Ok(()) })
    }
}

impl Inner {
    /// Adds the entities whose id is new and returns their number.
    async fn load<T: Imported>(self: &Arc<Self>, rows: &[T]) -> Result<u64> {
        let (mut new, mut rest) = (0, rows);
        while !rest.is_empty() {
            let batch = first_batch(rest);
            rest = rest.get(batch.len()..).unwrap_or_default();
            let batch: Arc<[(T, RawDocumentBuf)]> = batch.into();
            new += self
                .transaction(move |transaction| {
                    let batch = batch.clone();
                    Box::pin(async move { transaction.load(&batch).await })
                })
                .await?;
        }
        Ok(new)
    }
}

/// As many rows as one transaction takes, with their documents.
fn first_batch<T: Imported>(rows: &[T]) -> Vec<(T, RawDocumentBuf)> {
    let mut bytes = 0;
    let documents = rows.iter().take(BATCH).map(|row| (row.clone(), row.encode()));
    let fits = |(_, document): &(T, RawDocumentBuf)| {
        let is_first = bytes == 0;
        bytes += document.as_bytes().len();
        is_first || bytes <= BATCH_BYTES
    };
    documents.take_while(fits).collect()
}

impl Transaction {
    async fn load<T: Imported>(&mut self, batch: &[(T, RawDocumentBuf)]) -> TransactionResult<u64> {
        let store = self.store.clone();
        let ids: Vec<Bson> = batch.iter().map(|(row, _)| row.id().into()).collect();
        let find = T::ids(&store).find(doc! { "_id": { "$in": ids } }).projection(doc! { "_id": 1 });
        let mut found = find.session(&mut self.session).timed_batch().await?;
        let found = collect_rows(found.stream(&mut self.session), |document| {
            read_fields!(document, id: "_id");
            id.required::<T::Id>()
        });
        let mut known: HashSet<T::Id> = found.await?.into_iter().collect();
        let new: Vec<&(T, RawDocumentBuf)> = batch.iter().filter(|(row, _)| known.insert(row.id())).collect();
        let rows: Vec<&T> = new.iter().map(|(row, _)| row).collect();
        T::insert_unique(self, &rows).await?;
        self.insert(T::collection(&store.collections), new.iter().map(|(_, document)| document.clone()).collect())
            .await?;
        Ok(new.len() as u64)
    }
}

#[async_trait]
impl ImportStore for MongoStore {
    async fn import_users(&self, users: &[User]) -> Result<u64> {
        self.0.load(users).await
    }

    async fn import_products(&self, products: &[Product]) -> Result<u64> {
        self.0.load(products).await
    }

    async fn import_orders(&self, orders: &[Order]) -> Result<u64> {
        self.0.load(orders).await
    }

    async fn import_tasks(&self, tasks: &[Task]) -> Result<u64> {
        self.0.load(tasks).await
    }
}
