//! A change of an order with the stock that goes with it, and the log entries that record both.

use super::{
    super::{Event, EventDraft, EventKind, OrderId, Product, Seq, Stamp},
    HistoryEntry, Order,
};

/// What placing an order, or moving it to another status, changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChange {
    /// The order without the history entry of this change.
    pub(super) order: Order,
    /// The history entry of this change, whose number is not known yet.
    pub(super) entry: HistoryEntry,
    /// The products whose stock changes, as they are afterwards, each once, in the order of the lines.
    pub(super) products: Vec<Product>,
    /// Author and time of the change.
    pub(super) stamp: Stamp,
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
        let of_order = EventDraft { previous_status, ..EventDraft::new(kind, order.clone()) };
        let of_products = products.into_iter().map(|product| EventDraft::new(EventKind::Updated, product));
        let drafts = of_products.chain([of_order]);
        let events = (first..).zip(drafts).map(|(seq, draft)| draft.numbered(seq, stamp)).collect();
        (order, events)
    }
}
