//! Request data that the resolvers of one operation share.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::{Context, dataloader::Loader};
use parking_lot::{Mutex, MutexGuard};

use super::loaders::{Batch, Loaders, loaders};
use crate::{
    domain::{ClientAddress, EventCursor, Viewer},
    graphql::engine::{client_limits::LoadMeter, document::Documents, error::ApiResult, execute::PendingBatches},
    service::{Service, ServiceError},
};

/// What the resolvers of one operation share.
pub(crate) struct RequestContext {
    /// The use cases.
    pub service: Arc<Service>,
    /// The documents of the schema.
    pub documents: Arc<Documents>,
    /// The newest event when the operation began: everything it reads is at least as new.
    pub head: EventCursor,
    /// The client's address; `None` when clients are not limited.
    pub client: Option<ClientAddress>,
    batches: PendingBatches,
    state: Mutex<(Viewer, Loaders)>,
    /// Whether a mutation of this operation may have changed the viewer's rights.
    rights_changed: AtomicBool,
}

impl RequestContext {
    /// The context of one operation of `viewer`, whose loads go to `batches`.
    pub fn new(
        service: Arc<Service>,
        documents: Arc<Documents>,
        viewer: Viewer,
        client: Option<ClientAddress>,
        batches: PendingBatches,
    ) -> Self {
        let state = Mutex::new((viewer, loaders(&service, viewer, &batches)));
        let head = service.head();
        Self { service, documents, head, client, batches, state, rights_changed: AtomicBool::new(false) }
    }

    /// The request context of a resolver.
    pub fn get<'a>(context: &Context<'a>) -> &'a Self {
        // Invariant: the API adds one to every request that it runs.
        context.data_unchecked::<Arc<Self>>()
    }

    /// The request context of a mutation's resolver. Forgets what was loaded, which the mutation makes stale, and reads
    /// the viewer's rights again if a mutation before it may have changed them.
    pub async fn for_mutation<'a>(context: &Context<'a>) -> ApiResult<&'a Self> {
        let request = Self::get(context);
        if let Some(loads) = context.data_opt::<Arc<LoadMeter>>() {
            loads.release();
        }
        let mut viewer = request.viewer();
        if request.rights_changed.swap(false, Ordering::Relaxed) {
            viewer = request.service.current_rights(viewer).await?;
        }
        request.sign_in(viewer);
        Ok(request)
    }

    /// Like [`Self::for_mutation`], of a mutation that may end sessions or change roles: the mutations after it run with
    /// the rights that it leaves.
    pub async fn for_account_mutation<'a>(context: &Context<'a>) -> ApiResult<&'a Self> {
        let request = Self::for_mutation(context).await?;
        request.rights_changed.store(true, Ordering::Relaxed);
        Ok(request)
    }

    /// The viewer of the operation; a mutation that signs in changes it.
    pub fn viewer(&self) -> Viewer {
        self.state().0
    }

    /// Runs the rest of the operation as `viewer`, with empty loaders.
    pub fn sign_in(&self, viewer: Viewer) {
        *self.state() = (viewer, loaders(&self.service, viewer, &self.batches));
    }

    /// Loads the value of `key`; `None` when it does not exist for the viewer.
    pub async fn load<K>(&self, key: K) -> std::result::Result<Option<<Batch as Loader<K>>::Value>, Arc<ServiceError>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = Arc<ServiceError>>,
    {
        let loaders = self.state().1.clone();
        // Boxed, because each field of an object takes as much memory as its largest resolver.
        Box::pin(async move { loaders.load_one(key).await }).await
    }

    /// Loads the value of a `key` that always has one, such as a list or a count.
    /// Errors: `Internal` when the batch gave none.
    pub async fn load_always<K>(&self, key: K) -> std::result::Result<<Batch as Loader<K>>::Value, Arc<ServiceError>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = Arc<ServiceError>>,
    {
        let missing = || Arc::new(ServiceError::Internal("a batch has no value for one of its keys".into()));
        self.load(key).await?.ok_or_else(missing)
    }

    fn state(&self) -> MutexGuard<'_, (Viewer, Loaders)> {
        self.state.lock()
    }
}
