//! A wrapper that records metrics of every call to a store.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{
    Committed, Credentials, EventStore, ImportStore, LogPage, LogState, OrderQuery, OrderStore, Placed, ProductQuery,
    ProductStore, Result, Rotation, Session, SessionStore, Store, StoreError, TaskQuery, TaskStore, TokenHash,
    UserQuery, UserStore,
};
use crate::{
    domain::*,
    telemetry::{metrics, operation},
};

/// How often each storage method was called. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct CallCounts(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl CallCounts {
    fn count(&self, method: &'static str) {
        *self.lock().entry(method).or_default() += 1;
    }

    /// The counts since the last call of `take`, by method name.
    pub fn take(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock()
    }
}

/// A [`Store`] that delegates to another one and measures each call.
pub struct InstrumentedStore {
    inner: Arc<dyn Store>,
    engine: &'static str,
    counts: Option<CallCounts>,
}

impl InstrumentedStore {
    /// Measures the calls to `inner`, and counts them in `counts`.
    pub fn new(inner: Arc<dyn Store>, counts: Option<CallCounts>) -> Self {
        Self { engine: inner.engine(), inner, counts }
    }

    async fn observe<T>(&self, method: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
        if let Some(counts) = &self.counts {
            counts.count(method);
        }
        operation::count_storage_call();
        let started = Instant::now();
        let result = call.await;
        let outcome = result.as_ref().err().map_or("ok", StoreError::outcome);
        metrics().storage_calls.with_labels([self.engine, method, outcome]).inc();
        metrics().storage_call_duration.with_labels([self.engine, method]).observe(started.elapsed().as_secs_f64());
        result
    }
}

macro_rules! delegate {
    ($trait:ident { $( fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty $(, batch $batch:ident)?; )* }) => {
        #[async_trait]
        impl $trait for InstrumentedStore {
            $(
                async fn $name(&self, $($arg: $type),*) -> Result<$answer> {
                    $(metrics().storage_batch_size.with_labels([stringify!($name)]).observe($batch.len() as f64);)?
                    self.observe(stringify!($name), self.inner.$name($($arg),*)).await
                }
            )*
        }
    };
}

delegate!(UserStore {
    fn users_by_ids(ids: &[UserId]) -> Vec<Option<User>>, batch ids;
    fn users_by_emails(emails: &[String]) -> Vec<Option<User>>, batch emails;
    fn list_users(queries: &[UserQuery]) -> Vec<Page<User>>, batch queries;
    fn count_users(filters: &[UserFilter]) -> Vec<u64>, batch filters;
    fn insert_user(user: &User, password_hash: Option<&str>) -> ();
    fn update_user(id: UserId, changes: UserChanges, expected_version: Option<i32>, at: Timestamp) -> User;
    fn delete_user(id: UserId, at: Timestamp) -> User;
    fn credentials_by_email(email: &str) -> Option<Credentials>;
    fn credentials_by_id(id: UserId) -> Option<Credentials>;
    fn set_password(id: UserId, password_hash: &str, at: Timestamp) -> User;
});

delegate!(SessionStore {
    fn insert_session(session: &Session) -> ();
    fn session_users(ids: &[SessionId], now: Timestamp) -> Vec<Option<User>>, batch ids;
    fn rotate_session(
        id: SessionId, presented: TokenHash, next: TokenHash, expires_at: Timestamp, now: Timestamp
    ) -> Rotation;
    fn end_session(id: SessionId) -> ();
    fn end_sessions_of(user: UserId) -> ();
});

delegate!(ProductStore {
    fn products_by_ids(ids: &[ProductId]) -> Vec<Option<Product>>, batch ids;
    fn products_by_skus(skus: &[String]) -> Vec<Option<Product>>, batch skus;
    fn list_products(queries: &[ProductQuery]) -> Vec<Page<Product>>, batch queries;
    fn count_products(filters: &[ProductFilter]) -> Vec<u64>, batch filters;
    fn trending_products(days: u32, limit: u32) -> Vec<Product>;
    fn insert_product(product: Product, stamp: Stamp) -> Committed<Product>;
    fn update_product(
        id: ProductId, changes: ProductChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> Committed<Product>;
    fn adjust_stock(adjustment: StockAdjustment, stamp: Stamp) -> Committed<Product>;
});

delegate!(OrderStore {
    fn orders_by_ids(ids: &[OrderId]) -> Vec<Option<Order>>, batch ids;
    fn orders_by_numbers(numbers: &[String]) -> Vec<Option<Order>>, batch numbers;
    fn list_orders(queries: &[OrderQuery]) -> Vec<Page<Order>>, batch queries;
    fn count_orders(filters: &[OrderFilter]) -> Vec<u64>, batch filters;
    fn place_order(order: NewOrder, idempotency: Idempotency, stamp: Stamp) -> Committed<Placed>;
    fn change_order_status(change: StatusChange, stamp: Stamp) -> Committed<Order>;
});

delegate!(TaskStore {
    fn tasks_by_ids(ids: &[TaskId]) -> Vec<Option<Task>>, batch ids;
    fn list_tasks(queries: &[TaskQuery]) -> Vec<Page<Task>>, batch queries;
    fn count_tasks(filters: &[TaskFilter]) -> Vec<u64>, batch filters;
    fn insert_task(task: Task, stamp: Stamp) -> Committed<Task>;
    fn update_task(
        id: TaskId, changes: TaskChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> Committed<Task>;
    fn delete_task(id: TaskId, stamp: Stamp) -> Committed<Task>;
});

delegate!(EventStore {
    fn log_state() -> LogState;
    fn read_log(after: Seq, filter: LogFilter, limit: u32) -> LogPage;
});

delegate!(ImportStore {
    fn import_users(users: &[User]) -> u64, batch users;
    fn import_products(products: &[Product]) -> u64, batch products;
    fn import_orders(orders: &[Order]) -> u64, batch orders;
    fn import_tasks(tasks: &[Task]) -> u64, batch tasks;
});

#[async_trait]
impl Store for InstrumentedStore {
    fn engine(&self) -> &'static str {
        self.inner.engine()
    }

    async fn ping(&self) -> Result<()> {
        self.observe("ping", self.inner.ping()).await
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        self.observe("prune", self.inner.prune(now, log_before, keys_before)).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
