//! Orders, their lines and their life cycle. [`placement`] decides whether an order can be placed, [`step`] whether it
//! may go from one status to another.

mod placement;
mod step;

use serde::{Deserialize, Serialize};

pub use self::{
    placement::{NewOrder, OrderLine},
    step::{OrderStep, StatusChange},
};
use super::{
    CurrencyCode, Decimal, Event, EventDraft, EventKind, Money, OrderId, Position, Product, ProductId, Seq, SortKey,
    Stamp, Timestamp, UserId,
    declare::{sort_enum, text_enum},
};

text_enum! {
    /// Where an order is in its life.
    pub enum OrderStatus {
        /// Placed; its stock is taken.
        Pending => "PENDING",
        /// Accepted by staff.
        Confirmed => "CONFIRMED",
        /// On its way.
        Shipped => "SHIPPED",
        /// With the customer.
        Delivered => "DELIVERED",
        /// Ended before it was shipped; its stock is back.
        Cancelled => "CANCELLED",
        /// Sent back by the customer; its stock is back.
        Returned => "RETURNED",
    }
}

impl OrderStatus {
    /// The statuses that may follow this one.
    pub const fn allowed_transitions(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Confirmed, Self::Cancelled],
            Self::Confirmed => &[Self::Shipped, Self::Cancelled],
            Self::Shipped => &[Self::Delivered],
            Self::Delivered => &[Self::Returned],
            Self::Cancelled | Self::Returned => &[],
        }
    }

    /// Whether an order that comes to this status gives its stock back. No such status has a successor, so an order
    /// gives its stock back at most once.
    pub const fn returns_stock(self) -> bool {
        match self {
            Self::Cancelled | Self::Returned => true,
            Self::Pending | Self::Confirmed | Self::Shipped | Self::Delivered => false,
        }
    }

    /// Whether the units of an order of this status count as sold when products are ranked. Returned ones do: they
    /// were wanted.
    pub const fn counts_as_sold(self) -> bool {
        match self {
            Self::Cancelled => false,
            Self::Pending | Self::Confirmed | Self::Shipped | Self::Delivered | Self::Returned => true,
        }
    }
}

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
    /// Number of the step's entry in the event log; 0 for imported orders, whose history the log never held.
    pub seq: Seq,
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

/// What placing an order, or moving it to another status, changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChange {
    /// The order without the history entry of this change.
    order: Order,
    /// The history entry of this change, whose number is not known yet.
    entry: HistoryEntry,
    /// The products whose stock changes, as they are afterwards, each once, in the order of the lines.
    products: Vec<Product>,
    stamp: Stamp,
}

impl OrderChange {
    /// Id of the order.
    pub fn order_id(&self) -> OrderId {
        self.order.id
    }

    /// The products whose stock changes, as they are afterwards, each once.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// How many entries the change appends to the log: one for each product, and one for the order.
    pub fn entries(&self) -> usize {
        self.products.len() + 1
    }

    /// The order and the entries of the log, numbered from `first` on: those of the products in the order of the lines,
    /// then the order's. The order's history holds the number of its entry.
    pub fn record(self, first: Seq) -> (Order, Vec<Event>) {
        let Self { mut order, mut entry, products, stamp } = self;
        entry.seq = first + products.len() as Seq;
        let previous_status = entry.from;
        order.history.push(entry);
        let kind = if previous_status.is_some() { EventKind::StatusChanged } else { EventKind::Created };
        let of_order = EventDraft { kind, previous_status, entity: order.clone().into() };
        let of_products = products.into_iter().map(|product| EventDraft::new(EventKind::Updated, product));
        let drafts = of_products.chain([of_order]);
        let events = (first..).zip(drafts).map(|(seq, draft)| draft.numbered(seq, stamp)).collect();
        (order, events)
    }
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
        PlacedAt = 0,
        /// The total, whatever the currency.
        Total = 1,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_machine_allows_exactly_the_documented_steps() {
        use OrderStatus::*;
        let allowed = [
            (Pending, Confirmed),
            (Pending, Cancelled),
            (Confirmed, Shipped),
            (Confirmed, Cancelled),
            (Shipped, Delivered),
            (Delivered, Returned),
        ];
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                assert_eq!(from.allowed_transitions().contains(&to), allowed.contains(&(from, to)), "{from:?} {to:?}");
            }
            assert!(
                !from.returns_stock() || from.allowed_transitions().is_empty(),
                "{from:?} can only give stock back once"
            );
        }
    }
}
