//! Storage of orders.
//!
//! Decision: `docs/decisions/0031-own-writes-in-the-near-cache.md`.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{
    Entity, EventDraft, Idempotency, ListQuery, NewOrder, Order, OrderFields, OrderFilter, OrderId, OrderSort, Page,
    Product, Stamp, StatusChange,
};

/// A list query over orders.
pub type OrderQuery = ListQuery<OrderFilter, OrderSort, OrderFields>;

/// The answer to [`OrderStore::place_order`].
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The order. For a repeated key it is the order of the first call, as it is now.
    pub order: Order,
    /// Whether it was placed by an earlier call with the same key.
    pub replayed: bool,
    /// The products whose stock it took, as it left them; none for a repeated key.
    pub products: Vec<Arc<Product>>,
}

impl Placed {
    /// An order that was placed with these entries.
    pub(super) fn new(order: Order, entries: &[EventDraft]) -> Self {
        Self { order, replayed: false, products: products(entries) }
    }

    /// The order of a key that was used before.
    pub(super) fn replayed(order: Order) -> Self {
        Self { order, replayed: true, products: Vec::new() }
    }
}

/// The answer to [`OrderStore::change_order_status`].
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The order with its new status.
    pub order: Order,
    /// The products to which stock went back, as they are afterwards.
    pub products: Vec<Arc<Product>>,
}

impl Moved {
    /// An order that was moved with these entries.
    pub(super) fn new(order: Order, entries: &[EventDraft]) -> Self {
        Self { order, products: products(entries) }
    }
}

/// The products that entries are about.
fn products(entries: &[EventDraft]) -> Vec<Arc<Product>> {
    let product = |entry: &EventDraft| match &entry.entity {
        Entity::Product(product) => Some(Arc::clone(product)),
        _ => None,
    };
    entries.iter().filter_map(product).collect()
}

/// Reads and changes of orders.
#[async_trait]
pub trait OrderStore {
    /// The orders with these ids, whole.
    async fn orders_by_ids(&self, ids: &[OrderId]) -> Result<Vec<Option<Order>>>;
    /// The orders with these numbers, whole.
    async fn orders_by_numbers(&self, numbers: &[String]) -> Result<Vec<Option<Order>>>;
    /// A page for each query.
    async fn list_orders(&self, queries: &[OrderQuery]) -> Result<Vec<Page<Order>>>;
    /// The number of orders that pass each filter.
    async fn count_orders(&self, filters: &[OrderFilter]) -> Result<Vec<u64>>;
    /// Places an order as [`NewOrder::place`] decides. The order, the stock of its products, the key and the log entries
    /// ([`OrderChange::record`](crate::domain::OrderChange::record)) are written in one step. Transient conflicts are
    /// retried inside. A repeated key is answered as [`Idempotency::replay`] decides and appends nothing.
    /// Refuses a number that another order has.
    async fn place_order(&self, order: NewOrder, idempotency: Idempotency, stamp: Stamp) -> Result<Placed>;
    /// Moves an order to another status as [`Order::step`] decides. The order, the stock that goes back to its products
    /// and the log entries are written in one step.
    async fn change_order_status(&self, change: StatusChange, stamp: Stamp) -> Result<Moved>;
}

instrument!(OrderStore {
    fn orders_by_ids(ids: &[OrderId]) -> Vec<Option<Order>>, batch ids;
    fn orders_by_numbers(numbers: &[String]) -> Vec<Option<Order>>, batch numbers;
    fn list_orders(queries: &[OrderQuery]) -> Vec<Page<Order>>, batch queries;
    fn count_orders(filters: &[OrderFilter]) -> Vec<u64>, batch filters;
    fn place_order(
        order: NewOrder, idempotency: Idempotency, stamp: Stamp
    ) -> Placed, stores |placed| placed.order.memory();
    fn change_order_status(change: StatusChange, stamp: Stamp) -> Moved, stores |moved| moved.order.memory();
});
