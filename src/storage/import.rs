//! Bulk loading of outside data.

use async_trait::async_trait;

use super::Result;
use crate::domain::{Order, Product, Task, User};

/// Bulk loading: nothing is announced and no stock changes. Ids are derived from the source's keys, so an entity
/// whose id exists already is left as it is; each method says how many were new. A batch may be cut off half-way by a
/// crash and loaded again.
/// Errors: `Duplicate` when another entity (with another id) has the e-mail address, SKU or number.
#[async_trait]
pub trait ImportStore {
    /// Loads users without a password.
    async fn import_users(&self, users: &[User]) -> Result<u64>;
    /// Loads products.
    async fn import_products(&self, products: &[Product]) -> Result<u64>;
    /// Loads orders with their items and history.
    async fn import_orders(&self, orders: &[Order]) -> Result<u64>;
    /// Loads tasks.
    async fn import_tasks(&self, tasks: &[Task]) -> Result<u64>;
}
