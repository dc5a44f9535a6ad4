//! Storage of orders.

use async_trait::async_trait;

use super::{Committed, Idempotency, Result};
use crate::domain::{
    ListQuery, NewOrder, Order, OrderFields, OrderFilter, OrderId, OrderSort, OrderStatus, Page, Stamp,
};

/// A list query over orders.
pub type OrderQuery = ListQuery<OrderFilter, OrderSort, OrderFields>;

/// The answer to [`OrderStore::place_order`].
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The order; for a repeated key the one of the first call, as it is now.
    pub order: Order,
    /// Whether it was placed by an earlier call with the same key.
    pub replayed: bool,
}

/// A step in an order's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// Of which order.
    pub order: OrderId,
    /// To which state.
    pub to: OrderStatus,
    /// Why.
    pub reason: Option<String>,
    /// Only if the order is at this version.
    pub expected_version: Option<i32>,
}

/// Orders.
#[async_trait]
pub trait OrderStore {
    /// The orders with these ids, whole.
    async fn orders_by_ids(&self, ids: &[OrderId]) -> Result<Vec<Option<Order>>>;
    /// The orders with these numbers, whole.
    async fn orders_by_numbers(&self, numbers: &[String]) -> Result<Vec<Option<Order>>>;
    /// One page for each query, all in one call.
    async fn list_orders(&self, queries: &[OrderQuery]) -> Result<Vec<Page<Order>>>;
    /// How many orders each filter lets through.
    async fn count_orders(&self, filters: &[OrderFilter]) -> Result<Vec<u64>>;
    /// Takes the stock of every line, writes the order and the key, and appends one log entry for each product (in the
    /// order of the lines) and then one for the order, all in one step. Transient conflicts are retried inside.
    /// Errors: `ProductNotFound` (also for archived ones), `InsufficientStock` (the first line, in input order, that
    /// can't be met), `Place`, `IdempotencyKeyReused`, `Duplicate(OrderNumber)`.
    async fn place_order(&self, order: NewOrder, idempotency: Idempotency, stamp: Stamp) -> Result<Committed<Placed>>;
    /// Moves an order to another state; where the state returns stock, gives it back to every product of the order
    /// that still exists (appending their entries first). A stale version is reported before a forbidden step.
    /// Errors: `NotFound`, `VersionMismatch`, `InvalidTransition`.
    async fn change_order_status(&self, change: StatusChange, stamp: Stamp) -> Result<Committed<Order>>;
}
