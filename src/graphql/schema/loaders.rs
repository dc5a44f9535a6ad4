//! Batched loading of the edges between entities, for one viewer and one operation.
//!
//! A loader's key is an id, a whole list query or a filter to count, so nested connections are batched like single
//! edges. Batches call the service, which checks the viewer's rights for every key.
//!
//! Decision: `docs/decisions/0004-batches-run-when-idle.md`.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};

use crate::{
    domain::{
        Order, OrderFilter, OrderId, Page, Product, ProductFilter, ProductId, Task, TaskFilter, TaskId, User,
        UserFilter, UserId, Viewer,
    },
    graphql::engine::execute::PendingBatches,
    service::{OrderQuery, ProductQuery, Result, Service, ServiceError, TaskQuery, UserQuery},
};

/// Keys in one batch before it is cut: more than any one operation may ask for at a level.
const MAX_BATCH: usize = 10_000;

/// The loaders of one operation, with a cache of what they loaded.
pub(crate) type Loaders = Arc<DataLoader<Batch, HashMapCache>>;

/// Loaders for `viewer` that push their batches to `batches`.
pub(crate) fn loaders(service: &Arc<Service>, viewer: Viewer, batches: &PendingBatches) -> Loaders {
    let batches = batches.clone();
    let batch = Batch { service: service.clone(), viewer };
    let spawn = move |future| batches.push(future);
    Arc::new(
        DataLoader::with_cache(batch, spawn, HashMapCache::default()).delay(Duration::ZERO).max_batch_size(MAX_BATCH),
    )
}

/// Loads a batch of keys for a viewer.
pub(crate) struct Batch {
    service: Arc<Service>,
    viewer: Viewer,
}

/// A filter whose matches are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Count<F>(pub F);

macro_rules! load_entities {
    ($($id:ty => $entity:ty, $method:ident;)*) => { $(
        impl Loader<$id> for Batch {
            type Value = Arc<$entity>;
            type Error = Arc<ServiceError>;

            async fn load(&self, ids: &[$id]) -> std::result::Result<HashMap<$id, Arc<$entity>>, Arc<ServiceError>> {
                let found = self.service.$method(&self.viewer, ids).await?;
                Ok(ids.iter().zip(found).filter_map(|(id, entity)| Some((*id, Arc::new(entity?)))).collect())
            }
        }
    )* };
}

load_entities! {
    UserId => User, participants;
    ProductId => Product, products;
    OrderId => Order, orders;
    TaskId => Task, tasks;
}

/// The lines of an order, whose products are looked up together: a key for each line would cost more than the line.
#[derive(Clone)]
pub(crate) struct Lines(pub Arc<Order>);

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Lines {}

impl Hash for Lines {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl Loader<Lines> for Batch {
    /// The product of each line, `None` for those that do not exist for the viewer.
    type Value = Arc<[Option<Arc<Product>>]>;
    type Error = Arc<ServiceError>;

    async fn load(&self, orders: &[Lines]) -> std::result::Result<HashMap<Lines, Self::Value>, Arc<ServiceError>> {
        let mut ids: Vec<ProductId> =
            orders.iter().flat_map(|lines| lines.0.items.iter().map(|item| item.product)).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = self.service.products(&self.viewer, &ids).await?;
        let found: Vec<Option<Arc<Product>>> = found.into_iter().map(|product| product.map(Arc::new)).collect();
        let product = |id: &ProductId| ids.binary_search(id).ok().and_then(|place| found.get(place)?.clone());
        let of = |lines: &Lines| lines.0.items.iter().map(|item| product(&item.product)).collect();
        Ok(orders.iter().map(|lines| (lines.clone(), of(lines))).collect())
    }
}

macro_rules! load_lists {
    ($($query:ty, $filter:ty => $entity:ty, $list:ident, $count:ident;)*) => { $(
        impl Loader<$query> for Batch {
            type Value = Arc<Page<Arc<$entity>>>;
            type Error = Arc<ServiceError>;

            async fn load(
                &self,
                queries: &[$query],
            ) -> std::result::Result<HashMap<$query, Self::Value>, Arc<ServiceError>> {
                let pages = self.service.$list(&self.viewer, queries).await?;
                Ok(queries.iter().cloned().zip(pages.into_iter().map(|page| Arc::new(page.map(Arc::new)))).collect())
            }
        }

        impl Loader<Count<$filter>> for Batch {
            type Value = u64;
            type Error = Arc<ServiceError>;

            async fn load(
                &self,
                filters: &[Count<$filter>],
            ) -> std::result::Result<HashMap<Count<$filter>, u64>, Arc<ServiceError>> {
                let asked: Vec<$filter> = filters.iter().map(|count| count.0.clone()).collect();
                let counts: Result<Vec<u64>> = self.service.$count(&self.viewer, &asked).await;
                Ok(filters.iter().cloned().zip(counts?).collect())
            }
        }
    )* };
}

load_lists! {
    UserQuery, UserFilter => User, list_users, count_users;
    ProductQuery, ProductFilter => Product, list_products, count_products;
    OrderQuery, OrderFilter => Order, list_orders, count_orders;
    TaskQuery, TaskFilter => Task, list_tasks, count_tasks;
}
