//! Batched loading of the edges between entities, for one viewer and one operation.
//!
//! A loader's key is an id, a whole list query or a filter to count, so nested connections are batched like single
//! edges. Batches call the service, which checks the viewer's rights for every key. Each entity's folder has its loaders.
//!
//! Decision: `docs/decisions/0004-batches-run-when-idle.md`.

use std::{sync::Arc, time::Duration};

use async_graphql::dataloader::{DataLoader, HashMapCache};

use crate::{domain::Viewer, graphql::engine::execute::PendingBatches, service::Service};

/// Most keys in one batch: more than one operation can ask for at one level.
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
    pub(super) service: Arc<Service>,
    pub(super) viewer: Viewer,
}

/// A filter whose matches are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Count<F>(pub F);

/// The names that the macros below use where they are called.
pub(crate) mod macro_prelude {
    pub(crate) use std::{collections::HashMap, sync::Arc};

    pub(crate) use async_graphql::dataloader::Loader;

    pub(crate) use super::{Batch, Count};
    pub(crate) use crate::{domain::Page, service::ServiceError};
}

/// Loads an entity by its id: `load_entity!(OrderId => Order, orders)` calls `Service::orders` with the ids of a batch.
macro_rules! load_entity {
    ($id:ty => $entity:ty, $method:ident) => {
        const _: () = {
            use $crate::graphql::schema::loaders::macro_prelude::*;

            impl Loader<$id> for Batch {
                type Value = Arc<$entity>;
                type Error = Arc<ServiceError>;

                async fn load(&self, ids: &[$id]) -> Result<HashMap<$id, Arc<$entity>>, Arc<ServiceError>> {
                    let found = self.service.$method(&self.viewer, ids).await?;
                    Ok(ids.iter().zip(found).filter_map(|(id, entity)| Some((*id, Arc::new(entity?)))).collect())
                }
            }
        };
    };
}
pub(super) use load_entity;

/// Loads pages of a list and counts what its filter lets through:
/// `load_list!(OrderQuery, OrderFilter => Order, list_orders, count_orders)` calls `Service::list_orders` with the queries
/// of a batch, and `Service::count_orders` with the filters.
macro_rules! load_list {
    ($query:ty, $filter:ty => $entity:ty, $list:ident, $count:ident) => {
        const _: () = {
            use $crate::graphql::schema::loaders::macro_prelude::*;

            impl Loader<$query> for Batch {
                type Value = Arc<Page<Arc<$entity>>>;
                type Error = Arc<ServiceError>;

                async fn load(&self, queries: &[$query]) -> Result<HashMap<$query, Self::Value>, Arc<ServiceError>> {
                    let pages = self.service.$list(&self.viewer, queries).await?;
                    let pages = pages.into_iter().map(|page| Arc::new(page.map(Arc::new)));
                    Ok(queries.iter().cloned().zip(pages).collect())
                }
            }

            impl Loader<Count<$filter>> for Batch {
                type Value = u64;
                type Error = Arc<ServiceError>;

                async fn load(
                    &self,
                    counts: &[Count<$filter>],
                ) -> Result<HashMap<Count<$filter>, u64>, Arc<ServiceError>> {
                    let filters: Vec<$filter> = counts.iter().map(|count| count.0.clone()).collect();
                    let found: Vec<u64> = self.service.$count(&self.viewer, &filters).await?;
                    Ok(counts.iter().cloned().zip(found).collect())
                }
            }
        };
    };
}
pub(super) use load_list;
