//! The GraphQL types of orders. Their fields are in [`super::fields`].

use std::sync::Arc;

use async_graphql::Enum;

use crate::{
    domain,
    graphql::{engine::json::json_enum, schema::money::Money},
};

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::OrderStatus")]
pub enum OrderStatus {
    /// Placed; its stock is taken. Can become CONFIRMED or CANCELLED.
    Pending,
    /// Accepted. Can become SHIPPED or CANCELLED.
    Confirmed,
    /// On its way. Can become DELIVERED.
    Shipped,
    /// With the customer. Can become RETURNED.
    Delivered,
    /// Ended before it was shipped; its stock is back.
    Cancelled,
    /// Sent back by the customer; its stock is back.
    Returned,
}

json_enum!(OrderStatus);

/// A customer's purchase.
pub struct Order(pub Arc<domain::Order>);

/// A line of an order.
pub struct OrderItem {
    pub(super) order: Arc<domain::Order>,
    pub(super) index: usize,
    /// The product as it is now, for the viewer; looked up only when it is selected.
    pub(super) product: Option<Arc<domain::Product>>,
}

impl OrderItem {
    pub(super) fn item(&self) -> &domain::OrderItem {
        // Invariant: `Order.items` makes lines with an index into its own items.
        &self.order.items[self.index]
    }

    pub(super) fn money(&self, amount: domain::Decimal) -> Money {
        Money(domain::Money { amount, currency: self.order.currency })
    }
}

/// One step in an order's life.
pub struct OrderEvent(pub(super) domain::HistoryEntry);
