//! Pages of a customer's newest orders grow by the orders that the customer has placed since they were read.
//!
//! Decision: `docs/decisions/0031-own-writes-in-the-near-cache.md`.

use std::cmp::Reverse;

use super::recent_changes::Step;
use crate::{
    domain::{Direction, Order, OrderFilter, OrderSort, Position, Slice, Sort, SortKey, Take, UserId},
    storage::OrderQuery,
};

/// How many orders of a customer are remembered.
const KEPT: usize = 64;

/// Orders that a customer has placed.
#[derive(Debug, Clone)]
pub(super) struct NewOrders {
    /// All that were placed after this change are here.
    since: Step,
    /// The last change of which orders the customer has.
    pub(super) through: Step,
    /// Each with the change that it was, the oldest first.
    orders: Vec<(Step, Position)>,
}

impl NewOrders {
    /// Estimated bytes that they take.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.orders.capacity() * size_of::<(Step, Position)>()
    }

    /// With one more, which counts as change `at`. Before that, change `before` was the last one of which orders the customer
    /// has. `None` if the order is here already.
    pub(super) fn with(known: Option<&Self>, order: &Order, before: Step, at: Step) -> Option<Self> {
        let position = OrderSort::PlacedAt.position(order);
        let known = known.filter(|known| known.through == before);
        let mut new = known.map_or_else(|| Self { since: before, through: before, orders: Vec::new() }, Self::clone);
        if new.orders.iter().any(|(_, known)| *known == position) {
            return None;
        }
        new.orders.push((at, position));
        if new.orders.len() > KEPT {
            new.since = new.orders.remove(0).0;
        }
        new.through = at.max(before);
        Some(new)
    }

    /// The rows of a page, newest first, with those that were placed after it was read; `None` if not all are known.
    pub(super) fn add_to(&self, rows: &[Position], read_at: Step) -> Option<Vec<Position>> {
        if read_at < self.since {
            return None;
        }
        let placed = self.orders.iter().filter(|(at, position)| *at > read_at && !rows.contains(position));
        let mut rows: Vec<Position> = rows.iter().chain(placed.map(|(_, position)| position)).cloned().collect();
        rows.sort_by_key(|row| match row.key {
            SortKey::Int(placed_at) => Reverse((placed_at, row.id)),
            SortKey::Text(_) | SortKey::Score(_) => Reverse((i64::MIN, row.id)),
        });
        Some(rows)
    }
}

/// The customer whose newest orders a query asks for, whatever they are, and how many of them.
pub(super) fn newest_of(query: &OrderQuery) -> Option<(UserId, usize)> {
    let customer = query.filter.customer?;
    let all = OrderFilter { customer: Some(customer), ..OrderFilter::default() };
    let newest_first = Sort { field: OrderSort::PlacedAt, direction: Direction::Desc };
    match query.slice {
        Slice { after: None, before: None, take: Take::First(count) }
            if query.filter == all && query.sort == newest_first =>
        {
            Some((customer, usize::try_from(count).ok()?))
        }
        _ => None,
    }
}
