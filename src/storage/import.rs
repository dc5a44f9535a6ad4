//! Bulk loading of outside data.

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{Order, Product, Task, User};

/// Bulk loading: it appends nothing to the log and changes no stock. Ids are derived from the keys of the source, so an
/// entity whose id exists is skipped; each method returns the number of new entities. After a crash in the middle, a
/// batch can be loaded again.
/// Errors: `Duplicate` if an entity with another id has the e-mail address, SKU or number.
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

instrument!(ImportStore {
    fn import_users(users: &[User]) -> u64, batch users;
    fn import_products(products: &[Product]) -> u64, batch products;
    fn import_orders(orders: &[Order]) -> u64, batch orders;
    fn import_tasks(tasks: &[Task]) -> u64, batch tasks;
});
