//! What the kinds of entities differ by when they are imported.

use async_trait::async_trait;
use ulid::Ulid;

use crate::{
    domain::{Order, Product, Task, User, UserId},
    service::jsonl::HasLine,
    storage::{Result, Store},
};

/// An entity that is imported.
#[async_trait]
pub(super) trait Kind: HasLine + Clone + PartialEq + Send + Sync + 'static {
    /// Why an entity is rejected whose unique value another one has.
    const TAKEN: &'static str;

    /// The id, without the kind.
    fn id(&self) -> Ulid;
    /// The user without whom it can't be shown, and why it is rejected if that user is not stored.
    fn user(&self) -> Option<(UserId, &'static str)>;
    /// The value that no other entity of the kind may have.
    fn unique(&self) -> Option<&str>;
    /// Stores those whose id is new, and returns their number.
    async fn import(store: &dyn Store, entities: &[Self]) -> Result<u64>;
    /// What is stored under the ids of these entities.
    async fn stored(store: &dyn Store, entities: &[Self]) -> Result<Vec<Option<Self>>>;
    /// The entities that have these unique values.
    async fn owners(store: &dyn Store, values: &[String]) -> Result<Vec<Option<Self>>>;
}

fn ids<T, I>(entities: &[T], id: impl Fn(&T) -> I) -> Vec<I> {
    entities.iter().map(id).collect()
}

#[async_trait]
impl Kind for User {
    const TAKEN: &'static str = "another user has this e-mail address";

    fn id(&self) -> Ulid {
        self.id.ulid()
    }
    fn user(&self) -> Option<(UserId, &'static str)> {
        None
    }
    fn unique(&self) -> Option<&str> {
        self.email.as_deref()
    }
    async fn import(store: &dyn Store, entities: &[Self]) -> Result<u64> {
        store.import_users(entities).await
    }
    async fn stored(store: &dyn Store, entities: &[Self]) -> Result<Vec<Option<Self>>> {
        store.users_by_ids(&ids(entities, |entity| entity.id)).await
    }
    async fn owners(store: &dyn Store, emails: &[String]) -> Result<Vec<Option<Self>>> {
        store.users_by_emails(emails).await
    }
}

#[async_trait]
impl Kind for Product {
    const TAKEN: &'static str = "another product has this SKU";

    fn id(&self) -> Ulid {
        self.id.ulid()
    }
    fn user(&self) -> Option<(UserId, &'static str)> {
        None
    }
    fn unique(&self) -> Option<&str> {
        Some(&self.sku)
    }
    async fn import(store: &dyn Store, entities: &[Self]) -> Result<u64> {
        store.import_products(entities).await
    }
    async fn stored(store: &dyn Store, entities: &[Self]) -> Result<Vec<Option<Self>>> {
        store.products_by_ids(&ids(entities, |entity| entity.id)).await
    }
    async fn owners(store: &dyn Store, skus: &[String]) -> Result<Vec<Option<Self>>> {
        store.products_by_skus(skus).await
    }
}

#[async_trait]
impl Kind for Order {
    const TAKEN: &'static str = "another order has this number";

    fn id(&self) -> Ulid {
        self.id.ulid()
    }
    fn user(&self) -> Option<(UserId, &'static str)> {
        Some((self.customer, "its customer is not stored: import users first"))
    }
    fn unique(&self) -> Option<&str> {
        Some(&self.number)
    }
    async fn import(store: &dyn Store, entities: &[Self]) -> Result<u64> {
        store.import_orders(entities).await
    }
    async fn stored(store: &dyn Store, entities: &[Self]) -> Result<Vec<Option<Self>>> {
        store.orders_by_ids(&ids(entities, |entity| entity.id)).await
    }
    async fn owners(store: &dyn Store, numbers: &[String]) -> Result<Vec<Option<Self>>> {
        store.orders_by_numbers(numbers).await
    }
}

#[async_trait]
impl Kind for Task {
    /// Tasks have no such value.
    const TAKEN: &'static str = "";

    fn id(&self) -> Ulid {
        self.id.ulid()
    }
    fn user(&self) -> Option<(UserId, &'static str)> {
        Some((self.created_by, "its author is not stored: import users first"))
    }
    fn unique(&self) -> Option<&str> {
        None
    }
    async fn import(store: &dyn Store, entities: &[Self]) -> Result<u64> {
        store.import_tasks(entities).await
    }
    async fn stored(store: &dyn Store, entities: &[Self]) -> Result<Vec<Option<Self>>> {
        store.tasks_by_ids(&ids(entities, |entity| entity.id)).await
    }
    async fn owners(_: &dyn Store, _: &[String]) -> Result<Vec<Option<Self>>> {
        Ok(Vec::new())
    }
}
