//! The trait of a whole storage engine.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    ApiKeyStore, ConsumerStore, DeliveryStore, DeploymentId, EventStore, ExportStore, ImportStore, JobStore,
    OrderStore, ProductStore, Result, SessionStore, TaskStore, UserStore,
    instrumented::{CallCounts, Instrumented},
};
use crate::domain::Timestamp;

/// A complete storage engine. Each change with a [`Stamp`](crate::domain::Stamp) checks in the step that writes whether what
/// allowed it still does: the session, the role, and that the entity is the actor's own. If not, nothing is written.
#[async_trait]
pub trait Store:
    UserStore
    + SessionStore
    + ApiKeyStore
    + ProductStore
    + OrderStore
    + TaskStore
    + EventStore
    + ConsumerStore
    + DeliveryStore
    + JobStore
    + ImportStore
    + ExportStore
    + Send
    + Sync
    + 'static
{
    /// The engine's name for logs and metrics: `sqlite` or `mongodb`.
    fn engine(&self) -> &'static str;

    /// Succeeds when the engine can serve reads and writes now. Returns the time on the database's clock, which is the
    /// same for all nodes: it measures the ages of what is stored.
    async fn ping(&self) -> Result<Timestamp>;

    /// Deletes log entries older than `log_before`, sessions expired at `now` and idempotency records older than
    /// `keys_before`, all on the database's clock. Jobs that have succeeded go with the idempotency records, those that failed
    /// or were discarded with the log. The newest log entry always stays, so that numbering continues.
    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()>;

    /// Makes the database belong to this deployment, whichever it belonged to.
    async fn set_deployment(&self, deployment: DeploymentId) -> Result<()>;

    /// Waits for running writes and closes connections.
    async fn close(&self);
}

/// A [`Store`] that delegates to another one and measures each call.
pub type InstrumentedStore = Instrumented<dyn Store>;

impl InstrumentedStore {
    /// Measures the calls to `inner`, and counts them in `counts`.
    pub fn new(inner: Arc<dyn Store>, counts: Option<CallCounts>) -> Self {
        Self { engine: inner.engine(), inner, counts }
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Instrumented<S> {
    fn engine(&self) -> &'static str {
        self.inner.engine()
    }

    async fn ping(&self) -> Result<Timestamp> {
        self.observe("ping", self.inner.ping()).await
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        self.observe("prune", self.inner.prune(now, log_before, keys_before)).await
    }

    async fn set_deployment(&self, deployment: DeploymentId) -> Result<()> {
        self.observe("set_deployment", self.inner.set_deployment(deployment)).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
