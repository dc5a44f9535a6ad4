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
mod limits;
mod live;
mod order;
mod product;
mod session;
mod task;
mod user;

pub use account::{Registration, SignIn};
pub use error::{Result, ServiceError, UserError, UserErrorCode, wait_seconds};
pub use input::{MAX_ORDER_LINES, MAX_QUANTITY};
pub use limits::{Allowance, RateLimits};
pub use live::{Update, UpdateKind};
pub use order::{CancelOrder, OrderInputLine, OrderResult, PlaceOrder, UpdateOrderStatus};
pub use product::{AdjustStock, CreateProduct, UpdateProduct};
pub use session::Authenticated;
pub use task::{CreateTask, UpdateTask};
pub use user::UpdateProfile;

pub use crate::auth::OperationHash;
pub use crate::cluster::{MemoryDocuments, RegisteredDocuments};
pub use crate::storage::{OrderQuery, ProductQuery, TaskQuery, UserQuery};

use std::{future::Future, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};

use crate::{
    auth::{AccessTokens, Passwords},
    domain::{Clock, Stamp, Timestamp, Viewer},
    storage::{self, Committed, Store},
    telemetry::{
        metrics::{Component, metrics},
        operation,
    },
};
use feed::EventFeed;

/// Lifetimes, retention and limits.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// How long a session lasts without being refreshed.
    pub session_lifetime: Duration,
    /// How long log entries are kept.
    pub log_retention: Duration,
    /// How long idempotency keys are kept, 24 hours at least.
    pub idempotency_retention: Duration,
    /// How much everybody may ask for.
    pub limits: RateLimits,
}

/// How long the database may take to say that it is there.
const PING_WITHIN: Duration = Duration::from_secs(5);

/// Whether requests can be served, with a line for each part that is not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// What has to work and does not. Ready means that there is nothing here.
    pub failing: Vec<String>,
    /// What does not work and is not needed.
    pub impaired: Vec<String>,
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

    /// What the service depends on, as it is now. Takes 5 s at most.
    pub async fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        let pinged = tokio::time::timeout(PING_WITHIN, self.store.ping()).await;
        let pinged = pinged.unwrap_or_else(|_| Err(storage::StoreError::Unavailable("no answer".to_owned())));
        if let Err(error) = &pinged {
            tracing::warn!(%error, "not ready");
            readiness.failing.push("storage: the database does not answer as it should; the log says more".to_owned());
        }
        let stalled = self.feed.stalled_for();
        if let Some(silent) = stalled {
            let silent = silent.as_secs();
            readiness.failing.push(format!("feed: the event log was not read for {silent} s; subscribers wait"));
        }
        let connected = self.feed.is_connected();
        if !connected {
            readiness
                .impaired
                .push("bus: no connection to Redis; other nodes hear of events a little later".to_owned());
        }
        for (part, good) in
            [(Component::Storage, pinged.is_ok()), (Component::Feed, stalled.is_none()), (Component::Bus, connected)]
        {
            metrics().ready.get(part).set(good.into());
        }
        readiness
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
        let task = tokio::spawn(operation::in_current_operation(async move {
            let committed = write(store).await?;
            feed.announce(committed.events);
            Ok(committed.value)
        }));
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
