//! Orders, their lines and their life cycle. [`placement`] decides whether an order can be placed, [`step`] whether it
//! may go from one status to another.

mod change;
mod placement;
mod status;
mod step;

use serde::{Deserialize, Serialize};

pub use self::{
    change::OrderChange,
    placement::{NewOrder, OrderLine},
    status::OrderStatus,
    step::{OrderStep, StatusChange},
};
use super::{
    CurrencyCode, Decimal, EventId, Money, Position, ProductId, Scope, SortKey, Timestamp, UserId, Viewer,
    declare::sort_enum, id::define_id,
};

define_id!(
    /// Id of an [`Order`].
    OrderId, "ord"
);

/// An order of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Id with the prefix `ord_`.
    pub id: OrderId,
    /// Unique number that people use.
    pub number: String,
    /// Region that it is sent to.
    pub region: String,
    /// User who placed it.
    pub customer: UserId,
    /// The lines; empty also when they were not read, see [`OrderFields`].
    pub items: Vec<OrderItem>,
    /// Sum of the line totals.
    pub total: Decimal,
    /// Currency of all its amounts.
    pub currency: CurrencyCode,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Its steps, oldest first; empty also when they were not read, see [`OrderFields`].
    pub history: Vec<HistoryEntry>,
    /// The buyer's reference to a payment, as given.
    pub payment_reference: Option<String>,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// Time when the customer placed it.
    pub placed_at: Timestamp,
    /// Time when it was stored.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

impl Viewer {
    /// Whether the viewer may know that this order exists.
    pub fn sees_order(&self, order: &Order) -> bool {
        self.may(Scope::ReadOrders) || self.is(order.customer)
    }
}

/// A line of an order, frozen when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// Id of the product, which may have changed since.
    pub product: ProductId,
    /// SKU of the product when the order was placed.
    pub sku: String,
    /// Name of the product when the order was placed.
    pub name: String,
    /// Units, above 0.
    pub quantity: i32,
    /// Price of one unit when the order was placed.
    pub unit_price: Decimal,
    /// `quantity` × `unit_price`.
    pub line_total: Decimal,
}

/// One step in an order's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Id of the step's entry in the event log; `None` for imported orders, whose history the log never held.
    #[serde(default)]
    pub event: Option<EventId>,
    /// The status before; `None` when the order was placed.
    pub from: Option<OrderStatus>,
    /// The status after the step.
    pub to: OrderStatus,
    /// User who made the step; `None` for Orderwire itself.
    pub actor: Option<UserId>,
    /// The reason, as given.
    pub reason: Option<String>,
    /// Time of the step.
    pub at: Timestamp,
}

impl Order {
    /// Total with its currency.
    pub fn money(&self) -> Money {
        Money { amount: self.total, currency: self.currency }
    }
}

/// The costly parts of an order in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderFields {
    /// Read the lines.
    pub items: bool,
    /// Read the history.
    pub history: bool,
}

impl OrderFields {
    /// Reads every field.
    pub const ALL: Self = Self { items: true, history: true };
}

/// Selects the orders of a list. Conditions that are `None` are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct OrderFilter {
    /// Only orders of this customer.
    pub customer: Option<UserId>,
    /// Only in one of these states.
    pub statuses: Option<Vec<OrderStatus>>,
    /// Only to this region, exactly as written.
    pub region: Option<String>,
    /// Only placed at this time or later.
    pub placed_after: Option<Timestamp>,
    /// Only placed before this time.
    pub placed_before: Option<Timestamp>,
    /// Only with a line of this product.
    pub product: Option<ProductId>,
}

sort_enum! {
    /// The fields that a list of orders can be sorted by.
    pub enum OrderSort {
        /// Time when the customer placed the order.
        PlacedAt: Int = 0,
        /// The total, whatever the currency.
        Total: Int = 1,
    }
}

impl OrderSort {
    /// The position of `order` in a list sorted by this field.
    pub fn position(self, order: &Order) -> Position {
        let key = match self {
            Self::PlacedAt => order.placed_at.unix_millis(),
            Self::Total => order.total.units(),
        };
        Position { key: SortKey::Int(key), id: order.id.ulid() }
    }
}
