//! A store that counts the calls made to it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::*;
use crate::domain::*;

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

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A [`Store`] that passes every call on to another one and counts it.
pub struct Observed {
    inner: Arc<dyn Store>,
    counts: CallCounts,
}

impl Observed {
    /// Counts the calls to `inner` in `counts`.
    pub fn new(inner: Arc<dyn Store>, counts: CallCounts) -> Self {
        Self { inner, counts }
    }
}

macro_rules! pass_on {
    ($trait:ident { $( fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty; )* }) => {
        #[async_trait]
        impl $trait for Observed {
            $(
                async fn $name(&self, $($arg: $type),*) -> Result<$answer> {
                    self.counts.count(stringify!($name));
                    self.inner.$name($($arg),*).await
                }
            )*
        }
    };
}

pass_on!(UserStore {
    fn users_by_ids(ids: &[UserId]) -> Vec<Option<User>>;
    fn users_by_emails(emails: &[String]) -> Vec<Option<User>>;
    fn list_users(queries: &[UserQuery]) -> Vec<Page<User>>;
    fn count_users(filters: &[UserFilter]) -> Vec<u64>;
    fn insert_user(user: &User, password_hash: Option<&str>) -> ();
    fn update_user(id: UserId, changes: UserChanges, expected_version: Option<i32>, at: Timestamp) -> User;
    fn delete_user(id: UserId, at: Timestamp) -> User;
    fn credentials_by_email(email: &str) -> Option<Credentials>;
    fn credentials_by_id(id: UserId) -> Option<Credentials>;
    fn set_password(id: UserId, password_hash: &str, at: Timestamp) -> User;
});

pass_on!(SessionStore {
    fn insert_session(session: &Session) -> ();
    fn session_users(ids: &[SessionId], now: Timestamp) -> Vec<Option<User>>;
    fn rotate_session(
        id: SessionId, presented: TokenHash, next: TokenHash, expires_at: Timestamp, now: Timestamp
    ) -> Rotation;
    fn end_session(id: SessionId) -> ();
    fn end_sessions_of(user: UserId) -> ();
});

pass_on!(ProductStore {
    fn products_by_ids(ids: &[ProductId]) -> Vec<Option<Product>>;
    fn products_by_skus(skus: &[String]) -> Vec<Option<Product>>;
    fn list_products(queries: &[ProductQuery]) -> Vec<Page<Product>>;
    fn count_products(filters: &[ProductFilter]) -> Vec<u64>;
    fn trending_products(days: u32, limit: u32) -> Vec<Product>;
    fn insert_product(product: Product, stamp: Stamp) -> Committed<Product>;
    fn update_product(
        id: ProductId, changes: ProductChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> Committed<Product>;
    fn adjust_stock(adjustment: StockAdjustment, stamp: Stamp) -> Committed<Product>;
});

pass_on!(OrderStore {
    fn orders_by_ids(ids: &[OrderId]) -> Vec<Option<Order>>;
    fn orders_by_numbers(numbers: &[String]) -> Vec<Option<Order>>;
    fn list_orders(queries: &[OrderQuery]) -> Vec<Page<Order>>;
    fn count_orders(filters: &[OrderFilter]) -> Vec<u64>;
    fn place_order(order: NewOrder, idempotency: Idempotency, stamp: Stamp) -> Committed<Placed>;
    fn change_order_status(change: StatusChange, stamp: Stamp) -> Committed<Order>;
});

pass_on!(TaskStore {
    fn tasks_by_ids(ids: &[TaskId]) -> Vec<Option<Task>>;
    fn list_tasks(queries: &[TaskQuery]) -> Vec<Page<Task>>;
    fn count_tasks(filters: &[TaskFilter]) -> Vec<u64>;
    fn insert_task(task: Task, stamp: Stamp) -> Committed<Task>;
    fn update_task(
        id: TaskId, changes: TaskChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> Committed<Task>;
    fn delete_task(id: TaskId, stamp: Stamp) -> Committed<Task>;
});

pass_on!(EventStore {
    fn log_state() -> LogState;
    fn read_log(after: Seq, filter: LogFilter, limit: u32) -> LogPage;
});

pass_on!(ImportStore {
    fn import_users(users: &[User]) -> u64;
    fn import_products(products: &[Product]) -> u64;
    fn import_orders(orders: &[Order]) -> u64;
    fn import_tasks(tasks: &[Task]) -> u64;
});

#[async_trait]
impl Store for Observed {
    fn engine(&self) -> &'static str {
        self.inner.engine()
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()> {
        self.inner.prune(now, log_before, keys_before).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
