//! A change of an order with the stock that goes with it, and the log entries that record both.

use super::{
    super::{Changed, EventDraft, EventKind, OrderId, Product, Stamp},
    HistoryEntry, Order,
};

/// What placing an order, or moving it to another status, changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChange {
    /// The order without the history entry of this change.
    pub(super) order: Order,
    /// The history entry of this change, which does not name its log entry yet.
    pub(super) entry: HistoryEntry,
    /// The products whose stock changes, each once, in the order of the lines.
    pub(super) products: Vec<Changed<Product>>,
    /// Author and time of the change.
    pub(super) stamp: Stamp,
}

impl OrderChange {
    /// Id of the order.
    pub fn order_id(&self) -> OrderId {
        self.order.id
    }

    /// The products whose stock changes, as they are afterwards, each once.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.iter().map(|changed| &changed.value)
    }

    /// The order, and the entries to append to the log: those of the products in the order of the lines, then the
    /// order's. The order's history names its entry.
    pub fn record(self) -> (Order, Vec<EventDraft>) {
        let Self { mut order, mut entry, products, stamp } = self;
        let previous_status = entry.from;
        let kind = if previous_status.is_some() { EventKind::StatusChanged } else { EventKind::Created };
        let id = EventDraft::new_id(stamp);
        entry.event = Some(id);
        order.history.push(entry);
        let of_order = EventDraft { id, previous_status, ..EventDraft::new(kind, order.clone(), stamp) };
        let of_products = products.into_iter().map(|product| product.draft(stamp));
        (order, of_products.chain([of_order]).collect())
    }
}
