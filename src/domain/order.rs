//! Orders, their lines and their life cycle.

use serde::{Deserialize, Serialize};

use super::{
    CurrencyCode, Decimal, Money, OrderId, Position, Product, ProductId, Seq, SortKey, Stamp, Timestamp, UserId,
};

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Placed; its stock is taken.
    Pending,
    /// Accepted.
    Confirmed,
    /// On its way.
    Shipped,
    /// With the customer.
    Delivered,
    /// Ended before it was shipped; its stock is back.
    Cancelled,
    /// Sent back by the customer; its stock is back.
    Returned,
}

impl OrderStatus {
    /// All states, in the order of a usual life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Confirmed, Self::Shipped, Self::Delivered, Self::Cancelled, Self::Returned];

    /// The states that may follow this one.
    pub fn allowed_transitions(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Confirmed, Self::Cancelled],
            Self::Confirmed => &[Self::Shipped, Self::Cancelled],
            Self::Shipped => &[Self::Delivered],
            Self::Delivered => &[Self::Returned],
            Self::Cancelled | Self::Returned => &[],
        }
    }

    /// Whether entering this state gives the order's stock back. No state that does has a successor, so an order
    /// gives its stock back at most once.
    pub fn returns_stock(self) -> bool {
        matches!(self, Self::Cancelled | Self::Returned)
    }
}

/// A customer's purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Identity.
    pub id: OrderId,
    /// Unique number that people use.
    pub number: String,
    /// Where it goes.
    pub region: String,
    /// Whose it is.
    pub customer: UserId,
    /// The lines; empty also when they were not read, see [`OrderFields`].
    pub items: Vec<OrderItem>,
    /// Sum of the line totals.
    pub total: Decimal,
    /// Currency of all its amounts.
    pub currency: CurrencyCode,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// What happened to it, oldest first; empty also when it was not read, see [`OrderFields`].
    pub history: Vec<HistoryEntry>,
    /// The buyer's reference to a payment, as given.
    pub payment_reference: Option<String>,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// When the customer placed it.
    pub placed_at: Timestamp,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A line of an order, frozen when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// The product, which may have changed since.
    pub product: ProductId,
    /// Its SKU then.
    pub sku: String,
    /// Its name then.
    pub name: String,
    /// How many, above 0.
    pub quantity: i32,
    /// Price of one then.
    pub unit_price: Decimal,
    /// `quantity` × `unit_price`.
    pub line_total: Decimal,
}

/// One step in an order's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Its place in the event log; 0 for imported orders, whose history the log never held.
    pub seq: Seq,
    /// The state before; `None` when the order was placed.
    pub from: Option<OrderStatus>,
    /// The state after.
    pub to: OrderStatus,
    /// Who did it; `None` for the system.
    pub actor: Option<UserId>,
    /// Why, as given.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The state machine does not allow the step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from:?} cannot become {to:?}")]
pub struct InvalidTransition {
    /// The state it is in.
    pub from: OrderStatus,
    /// The state asked for.
    pub to: OrderStatus,
}

/// One product of a new order. Each product occurs in one line only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLine {
    /// What is bought.
    pub product: ProductId,
    /// How many, above 0.
    pub quantity: i32,
    /// Which line of the buyer's input named the product first, for errors.
    pub input_index: usize,
}

/// What an order is placed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Identity of the order to be.
    pub id: OrderId,
    /// Its number.
    pub number: String,
    /// Where it goes.
    pub region: String,
    /// The buyer.
    pub customer: UserId,
    /// What is bought, at least one line.
    pub lines: Vec<OrderLine>,
    /// The buyer's reference to a payment.
    pub payment_reference: Option<String>,
}

/// The products are there but do not make an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// A line is in another currency than the first one.
    #[error("all lines of an order have to be in one currency")]
    MixedCurrencies {
        /// The line of the buyer's input.
        input_index: usize,
    },
    /// The amount can't be held.
    #[error("the total of the order is too large")]
    TotalOutOfRange,
}

impl NewOrder {
    /// The order at version 1, its lines frozen from `products`, which stand in the order of `lines`.
    pub fn place(self, products: &[Product], stamp: Stamp, seq: Seq) -> Result<Order, PlaceError> {
        let currency = products.first().map_or(CurrencyCode::GBP, |product| product.currency);
        let mut total = Decimal::ZERO;
        let mut items = Vec::with_capacity(products.len());
        for (line, product) in self.lines.iter().zip(products) {
            if product.currency != currency {
                return Err(PlaceError::MixedCurrencies { input_index: line.input_index });
            }
            let line_total = product.price.checked_mul(line.quantity).ok_or(PlaceError::TotalOutOfRange)?;
            total = total.checked_add(line_total).ok_or(PlaceError::TotalOutOfRange)?;
            items.push(OrderItem {
                product: product.id,
                sku: product.sku.clone(),
                name: product.name.clone(),
                quantity: line.quantity,
                unit_price: product.price,
                line_total,
            });
        }
        Ok(Order {
            id: self.id,
            number: self.number,
            region: self.region,
            customer: self.customer,
            items,
            total,
            currency,
            status: OrderStatus::Pending,
            history: vec![HistoryEntry {
                seq,
                from: None,
                to: OrderStatus::Pending,
                actor: stamp.actor,
                reason: None,
                at: stamp.at,
            }],
            payment_reference: self.payment_reference,
            version: 1,
            placed_at: stamp.at,
            created_at: stamp.at,
            updated_at: stamp.at,
        })
    }
}

impl Order {
    /// Total with its currency.
    pub fn money(&self) -> Money {
        Money { amount: self.total, currency: self.currency }
    }

    /// Whether [`Order::transition`] to `to` would be allowed.
    pub fn check_transition(&self, to: OrderStatus) -> Result<(), InvalidTransition> {
        let from = self.status;
        if from.allowed_transitions().contains(&to) { Ok(()) } else { Err(InvalidTransition { from, to }) }
    }

    /// The order after a step to `to`, recorded at `seq` of the event log.
    pub fn transition(
        mut self,
        to: OrderStatus,
        reason: Option<String>,
        stamp: Stamp,
        seq: Seq,
    ) -> Result<Self, InvalidTransition> {
        self.check_transition(to)?;
        let from = Some(self.status);
        self.history.push(HistoryEntry { seq, from, to, actor: stamp.actor, reason, at: stamp.at });
        self.status = to;
        self.version += 1;
        self.updated_at = stamp.at;
        Ok(self)
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
    /// Everything.
    pub const ALL: Self = Self { items: true, history: true };
}

/// Which orders a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct OrderFilter {
    /// Only this customer's.
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

/// What orders are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderSort {
    /// When the customer placed it.
    PlacedAt,
    /// The total, whatever the currency.
    Total,
}

impl OrderSort {
    /// Where `order` stands in a list sorted by this field.
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
    fn the_state_machine_is_the_contracts() {
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
            assert!(!from.returns_stock() || from.allowed_transitions().is_empty(), "{from:?} gives stock back once");
        }
    }
}
