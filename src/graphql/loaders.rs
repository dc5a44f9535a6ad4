//! Batched loading of the edges between entities, for one viewer and one operation.
//!
//! A loader's key is an id, a whole list query or a filter to count, so nested connections are batched like single
//! edges. Batches call the service, which checks the viewer's rights for every key.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use async_graphql::{
    Context,
    dataloader::{DataLoader, HashMapCache, Loader},
};
use parking_lot::{Mutex, MutexGuard};

use super::{document::Documents, live::Phase, operation::Batches};
use crate::{
    domain::{
        ClientAddress, EventCursor, Order, OrderFilter, OrderId, Page, Product, ProductFilter, ProductId, Task,
        TaskFilter, TaskId, User, UserFilter, UserId, Viewer,
    },
    service::{OrderQuery, ProductQuery, Result, Service, ServiceError, TaskQuery, UserQuery},
};

/// Keys in one batch before it is cut: more than any one operation may ask for at a level.
const MAX_BATCH: usize = 10_000;

/// What the resolvers of one operation share.
pub(super) struct Call {
    /// The use cases.
    pub service: Arc<Service>,
    /// The documents of the schema.
    pub documents: Arc<Documents>,
    /// The newest event when the operation began: what it reads is at least as new.
    pub head: EventCursor,
    /// Where the request comes from; `None` when that is not limited.
    pub client: Option<ClientAddress>,
    /// Whether [`super::plain::Plain`] objects may be written at once.
    pub writes_plain: bool,
    batches: Batches,
    state: Mutex<(Viewer, Loaders)>,
    /// What a subscription's root field is run for.
    pub phase: Phase,
}

type Loaders = Arc<DataLoader<Batch, HashMapCache>>;

impl Call {
    /// For one operation of `viewer`, which runs `batches`.
    pub fn new(
        service: Arc<Service>,
        documents: Arc<Documents>,
        viewer: Viewer,
        client: Option<ClientAddress>,
        batches: Batches,
        phase: Phase,
        writes_plain: bool,
    ) -> Self {
        let state = Mutex::new((viewer, loaders(&service, viewer, &batches)));
        let head = service.head();
        Self { service, documents, head, client, writes_plain, batches, state, phase }
    }

    /// The call that `context` belongs to.
    pub fn of<'a>(context: &Context<'a>) -> &'a Self {
        // Invariant: `Api` puts a call into every request that it runs.
        context.data_unchecked::<Arc<Self>>()
    }

    /// The call of a mutation, which makes what was loaded before it stale.
    pub fn of_mutation<'a>(context: &Context<'a>) -> &'a Self {
        let call = Self::of(context);
        call.renew();
        call
    }

    /// Who asks.
    pub fn viewer(&self) -> Viewer {
        self.state().0
    }

    /// The rest of the request is made by `viewer`, who just signed in.
    pub fn sign_in(&self, viewer: Viewer) {
        *self.state() = (viewer, loaders(&self.service, viewer, &self.batches));
    }

    /// Forgets what was loaded, before a change makes it stale.
    fn renew(&self) {
        self.sign_in(self.viewer());
    }

    /// What `key` stands for; `None` when it does not exist for the viewer.
    pub async fn load<K>(&self, key: K) -> std::result::Result<Option<<Batch as Loader<K>>::Value>, Arc<ServiceError>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = Arc<ServiceError>>,
    {
        let loaders = self.state().1.clone();
        // Every field of an object takes the memory of its largest resolver: that must not be this future's.
        Box::pin(async move { loaders.load_one(key).await }).await
    }

    fn state(&self) -> MutexGuard<'_, (Viewer, Loaders)> {
        self.state.lock()
    }
}

fn loaders(service: &Arc<Service>, viewer: Viewer, batches: &Batches) -> Loaders {
    let batches = batches.clone();
    let batch = Batch { service: service.clone(), viewer };
    let spawn = move |future| batches.push(future);
    Arc::new(
        DataLoader::with_cache(batch, spawn, HashMapCache::default()).delay(Duration::ZERO).max_batch_size(MAX_BATCH),
    )
}

/// Loads a batch of keys for a viewer.
pub(super) struct Batch {
    service: Arc<Service>,
    viewer: Viewer,
}

/// A filter whose matches are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Count<F>(pub F);

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
pub(super) struct Lines(pub Arc<Order>);

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
