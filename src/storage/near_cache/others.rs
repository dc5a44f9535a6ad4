//! What is not cached: sessions, the log itself and its consumers, jobs, exports, and imports, which the log does not know of.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{broadcast, mpsc};

use super::cache::NearCache;
use crate::{
    domain::{
        ApiKey, ApiKeyId, Consumer, ConsumerChanges, Delivery, DeliveryId, Event, EventCursor, EventId, Job, JobId,
        JobKind, JobOutcome, LogFilter, LogId, Order, PresentedToken, Product, Progress, Seq, SessionId, Stamp, Task,
        Timestamp, TokenHash, User, UserId, WebhookId,
    },
    storage::{
        ApiKeyStore, Appended, Backlog, ConsumerStore, DeliveryStore, DeploymentId, Epoch, EventStore, ExportBatch,
        ExportKind, ExportStore, ImportStore, JobFilter, JobStore, LeasedConsumer, LeasedJob, LogPage, LogState,
        NewEpoch, OwnChanges, Result, Rotation, Session, SessionStore, SessionUser, Store,
    },
};

#[async_trait]
impl Store for NearCache {
    fn engine(&self) -> &'static str {
        self.inner().engine()
    }

    async fn ping(&self) -> Result<Timestamp> {
        self.inner().ping().await
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        self.inner().prune(now, log_before, keys_before).await
    }

    async fn set_deployment(&self, deployment: DeploymentId) -> Result<()> {
        self.inner().set_deployment(deployment).await
    }

    async fn close(&self) {
        self.inner().close().await;
    }
}

/// Rights must never be older than the service lets them be, and it has a cache of its own.
#[async_trait]
impl SessionStore for NearCache {
    async fn insert_session(&self, session: &Session, verified: Option<&str>) -> Result<()> {
        self.inner().insert_session(session, verified).await
    }

    async fn session_users(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<Option<SessionUser>>> {
        self.inner().session_users(ids, now).await
    }

    async fn rotate_session(
        &self,
        id: SessionId,
        presented: PresentedToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation> {
        self.inner().rotate_session(id, presented, expires_at, now).await
    }

    async fn end_session(&self, id: SessionId, at: Timestamp) -> Result<()> {
        self.inner().end_session(id, at).await
    }

    async fn end_sessions_of(&self, user: UserId, stamp: Stamp) -> Result<()> {
        self.inner().end_sessions_of(user, stamp).await
    }
}

#[async_trait]
impl ApiKeyStore for NearCache {
    async fn insert_api_key(&self, key: &ApiKey, secret: TokenHash, stamp: Stamp) -> Result<()> {
        self.inner().insert_api_key(key, secret, stamp).await
    }

    async fn delete_api_key(&self, id: ApiKeyId, stamp: Stamp) -> Result<ApiKey> {
        self.inner().delete_api_key(id, stamp).await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>> {
        self.inner().api_keys().await
    }

    async fn api_key_by_secret(&self, secret: TokenHash) -> Result<Option<ApiKey>> {
        self.inner().api_key_by_secret(secret).await
    }

    async fn note_api_key_use(&self, id: ApiKeyId, at: Timestamp, every: Duration) -> Result<()> {
        self.inner().note_api_key_use(id, at, every).await
    }
}

/// Imports append nothing to the log. This node forgets everything after one; the others see it within a minute.
#[async_trait]
impl ImportStore for NearCache {
    async fn import_users(&self, users: &[User]) -> Result<u64> {
        let imported = self.inner().import_users(users).await;
        self.wrote_without_entry();
        imported
    }

    async fn import_products(&self, products: &[Product]) -> Result<u64> {
        let imported = self.inner().import_products(products).await;
        self.wrote_without_entry();
        imported
    }

    async fn import_orders(&self, orders: &[Order]) -> Result<u64> {
        let imported = self.inner().import_orders(orders).await;
        self.wrote_without_entry();
        imported
    }

    async fn import_tasks(&self, tasks: &[Task]) -> Result<u64> {
        let imported = self.inner().import_tasks(tasks).await;
        self.wrote_without_entry();
        imported
    }
}

#[async_trait]
impl ExportStore for NearCache {
    async fn export(&self, kinds: &[ExportKind], batches: mpsc::Sender<ExportBatch>) -> Result<EventCursor> {
        self.inner().export(kinds, batches).await
    }
}

#[async_trait]
impl EventStore for NearCache {
    fn appended(&self) -> broadcast::Receiver<Appended> {
        self.inner().appended()
    }

    async fn catch_up_log(&self) -> Result<()> {
        self.inner().catch_up_log().await
    }

    fn own_changes(&self) -> OwnChanges {
        self.inner().own_changes()
    }

    async fn events_by_ids(&self, ids: &[EventId]) -> Result<Vec<Option<Event>>> {
        self.inner().events_by_ids(ids).await
    }

    async fn log_state(&self) -> Result<LogState> {
        self.inner().log_state().await
    }

    async fn confirmed_log_state(&self) -> Result<LogState> {
        self.inner().confirmed_log_state().await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.inner().backlog().await
    }

    async fn epoch(&self, log: LogId) -> Result<Epoch> {
        self.inner().epoch(log).await
    }

    async fn start_epoch(&self) -> Result<NewEpoch> {
        self.inner().start_epoch().await
    }

    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage> {
        self.inner().read_log(after, filter, limit).await
    }
}

#[async_trait]
impl ConsumerStore for NearCache {
    async fn insert_consumer(&self, consumer: &Consumer, stamp: Stamp) -> Result<()> {
        self.inner().insert_consumer(consumer, stamp).await
    }

    async fn change_consumer(
        &self,
        name: &str,
        changes: ConsumerChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Consumer> {
        self.inner().change_consumer(name, changes, expected_version, stamp).await
    }

    async fn delete_consumer(&self, name: &str, stamp: Stamp) -> Result<()> {
        self.inner().delete_consumer(name, stamp).await
    }

    async fn consumers(&self, names: &[String]) -> Result<Vec<Option<Consumer>>> {
        self.inner().consumers(names).await
    }

    async fn list_consumers(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<Consumer>> {
        self.inner().list_consumers(prefix, after, limit).await
    }

    async fn lease_consumers(
        &self,
        holder: i64,
        most: u32,
        lease: Duration,
        without: &[String],
    ) -> Result<Vec<LeasedConsumer>> {
        self.inner().lease_consumers(holder, most, lease, without).await
    }

    async fn save_progress(&self, name: &str, fence: i64, progress: &Progress, retry_in: Duration) -> Result<bool> {
        self.inner().save_progress(name, fence, progress, retry_in).await
    }

    async fn release_consumers(&self, holder: i64) -> Result<()> {
        self.inner().release_consumers(holder).await
    }
}

#[async_trait]
impl JobStore for NearCache {
    async fn insert_jobs(&self, jobs: &[Job]) -> Result<()> {
        self.inner().insert_jobs(jobs).await
    }

    async fn put_schedule(&self, job: &Job) -> Result<()> {
        self.inner().put_schedule(job).await
    }

    async fn begin_jobs(&self, kind: JobKind, most: u32, lease: Duration) -> Result<Vec<LeasedJob>> {
        self.inner().begin_jobs(kind, most, lease).await
    }

    async fn extend_job(&self, id: JobId, fence: i64, lease: Duration) -> Result<bool> {
        self.inner().extend_job(id, fence, lease).await
    }

    async fn end_job(&self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<bool> {
        self.inner().end_job(id, fence, outcome).await
    }

    async fn jobs(&self, ids: &[JobId]) -> Result<Vec<Option<Job>>> {
        self.inner().jobs(ids).await
    }

    async fn list_jobs(&self, filter: &JobFilter, before: Option<JobId>, limit: u32) -> Result<Vec<Job>> {
        self.inner().list_jobs(filter, before, limit).await
    }

    async fn retry_job(&self, id: JobId, stamp: Stamp) -> Result<Job> {
        self.inner().retry_job(id, stamp).await
    }

    async fn discard_job(&self, id: JobId, stamp: Stamp) -> Result<Job> {
        self.inner().discard_job(id, stamp).await
    }
}

#[async_trait]
impl DeliveryStore for NearCache {
    async fn insert_deliveries(&self, deliveries: &[Delivery]) -> Result<()> {
        self.inner().insert_deliveries(deliveries).await
    }

    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        self.inner().list_deliveries(webhook, before, limit).await
    }
}
