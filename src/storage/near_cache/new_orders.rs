//! Pages of a customer's newest orders grow by the orders that the customer has placed since they were read.
//!
//! Decision: `docs/decisions/0031-own-writes-in-the-near-cache.md`.

use std::{cmp::Reverse, sync::Arc};

use super::{
    cache::NearCache,
    key::{CachedPage, Key, Value},
    recent_changes::Step,
};
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

    /// The orders that were placed after this change, if all are known.
    fn after(&self, step: Step) -> Option<impl Iterator<Item = &Position>> {
        let placed = self.orders.iter().filter(move |(at, _)| *at > step);
        (step >= self.since).then(|| placed.map(|(_, position)| position))
    }
}

impl NearCache {
    /// Notes that a customer has placed an order, which counts as change `at`. Before that, change `before` was the last one
    /// of which orders they have. The lock of the state is held.
    pub(super) fn note_placed(&self, order: &Order, before: Step, at: Step) {
        let key = Key::NewOrders(order.customer);
        let known = match self.value(&key) {
            Some(Value::NewOrders(known)) if known.through == before => Some(known),
            _ => None,
        };
        if known.as_ref().is_some_and(|known| known.orders.iter().any(|(_, it)| it.id == order.id.ulid())) {
            return;
        }
        let mut new =
            known.map_or(NewOrders { since: before, through: before, orders: Vec::new() }, |it| (*it).clone());
        new.orders.push((at, OrderSort::PlacedAt.position(order)));
        if new.orders.len() > KEPT {
            new.since = new.orders.remove(0).0;
        }
        new.through = at.max(before);
        self.keep_value(key, Value::NewOrders(Arc::new(new)));
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

/// A page of up to `count` newest orders, with those that were placed since; `None` if not all of them are known.
pub(super) fn grown(page: &CachedPage, count: usize, new: &NewOrders) -> Option<CachedPage> {
    let mut rows = page.rows.clone();
    for position in new.after(page.read_at)? {
        if !rows.iter().any(|row| row.id == position.id) {
            rows.push(position.clone());
        }
    }
    rows.sort_by_key(|row| match row.key {
        SortKey::Int(placed_at) => Reverse((placed_at, row.id)),
        SortKey::Text(_) | SortKey::Score(_) => Reverse((i64::MIN, row.id)),
    });
    let has_next = page.has_next || rows.len() > count;
    rows.truncate(count);
    Some(CachedPage { read_at: new.through, rows, has_previous: page.has_previous, has_next })
}
