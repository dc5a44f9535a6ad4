//! The use cases: authorise, validate, decide, persist, once each. No GraphQL and no HTTP here.
//!
//! Every method takes the [`Viewer`] first and checks their rights itself, also inside batches, so that no caller can
//! forget to. What a viewer may not see does not exist for them.

mod access;
mod account;
mod error;
pub mod feed;
pub mod import;
mod input;
mod live;
mod order;
mod product;
mod session;
mod task;
mod user;

pub use account::{Registration, SignIn};
pub use error::{Result, ServiceError, UserError, UserErrorCode};
pub use input::{MAX_ORDER_LINES, MAX_QUANTITY};
pub use live::{Update, UpdateKind};
pub use order::{CancelOrder, OrderInputLine, OrderResult, PlaceOrder, UpdateOrderStatus};
pub use product::{AdjustStock, CreateProduct, UpdateProduct};
pub use session::Authenticated;
pub use task::{CreateTask, UpdateTask};
pub use user::UpdateProfile;

pub use crate::auth::OperationHash;
pub use crate::bus::{MemoryOperations, OperationStore};
pub use crate::storage::{OrderQuery, ProductQuery, TaskQuery, UserQuery};

use std::{future::Future, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};

use crate::{
    auth::{AccessTokens, Passwords},
    domain::{Clock, Stamp, Timestamp, Viewer},
    storage::{self, Committed, Store},
};
use feed::EventFeed;

/// Lifetimes and retention.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// How long a session lasts without being refreshed.
    pub session_lifetime: Duration,
    /// How long log entries are kept.
    pub log_retention: Duration,
    /// How long idempotency keys are kept, 24 hours at least.
    pub idempotency_retention: Duration,
}

/// All use cases over one store.
pub struct Service {
    store: Arc<dyn Store>,
    feed: Arc<EventFeed>,
    clock: Arc<dyn Clock>,
    tokens: AccessTokens,
    passwords: Passwords,
    sessions: session::SessionCache,
    watch: Arc<session::SessionWatch>,
    trending: product::TrendingCache,
    options: ServiceOptions,
}

impl Service {
    /// The use cases over these parts.
    pub fn new(
        store: Arc<dyn Store>,
        feed: Arc<EventFeed>,
        clock: Arc<dyn Clock>,
        tokens: AccessTokens,
        passwords: Passwords,
        options: ServiceOptions,
    ) -> Self {
        Self {
            watch: session::SessionWatch::new(store.clone(), clock.clone()),
            store,
            feed,
            clock,
            tokens,
            passwords,
            sessions: session::cache(),
            trending: product::trending_cache(),
            options,
        }
    }

    /// Succeeds when requests can be served.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.store.ping().await?)
    }

    /// Deletes what is past its retention.
    pub async fn prune(&self) -> Result<()> {
        let now = self.now();
        let log_before = now.minus(self.options.log_retention);
        let keys_before = now.minus(self.options.idempotency_retention);
        Ok(self.store.prune(now, log_before, keys_before).await?)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn stamp(&self, viewer: &Viewer) -> Stamp {
        Stamp { actor: viewer.user_id(), at: self.now() }
    }

    /// Makes a change and announces it. It runs in a task of its own: a client that goes away must not come between
    /// the commit and the announcement.
    async fn commit<T, W, F>(&self, write: W) -> storage::Result<T>
    where
        T: Send + 'static,
        W: FnOnce(Arc<dyn Store>) -> F + Send + 'static,
        F: Future<Output = storage::Result<Committed<T>>> + Send,
    {
        let (store, feed) = (self.store.clone(), self.feed.clone());
        let task = tokio::spawn(async move {
            let committed = write(store).await?;
            feed.announce(committed.events);
            Ok(committed.value)
        });
        task.await.map_err(storage::StoreError::internal)?
    }
}

/// Answers `queries` with one call of `fetch` for those that are `Some`, and `empty` for the others.
async fn fetch_visible<Q, T>(
    queries: Vec<Option<Q>>,
    empty: impl Fn() -> T,
    fetch: impl AsyncFnOnce(&[Q]) -> storage::Result<Vec<T>>,
) -> Result<Vec<T>> {
    let visible: Vec<bool> = queries.iter().map(Option::is_some).collect();
    let queries: Vec<Q> = queries.into_iter().flatten().collect();
    let mut answers = if queries.is_empty() { Vec::new() } else { fetch(&queries).await? }.into_iter();
    Ok(visible.into_iter().map(|asked| asked.then(|| answers.next()).flatten().unwrap_or_else(&empty)).collect())
}

/// What stands for an input, such as that of an idempotency key: a hash (SHA-256) of its parts, each marked with its
/// length so that no two inputs look alike.
pub fn fingerprint(parts: impl IntoIterator<Item = impl AsRef<str>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
