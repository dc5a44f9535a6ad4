//! Which products sell best: units sold of each product in the last days, counted once and then kept right by the entries
//! of the event log.
//!
//! Days are whole, in UTC, so units move out of the period once a day, when the first order of a new day is placed. Then they
//! are counted anew.
//!
//! Decision: `docs/decisions/0028-trending-products.md`.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

use super::{Entity, Event, EventId, EventKind, OrderStatus, ProductId, Seq, Timestamp};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The last days of data: up to the day of the newest order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalesPeriod {
    start: i64,
    last_day: i64,
}

impl SalesPeriod {
    /// The `days` days (at least 1) whose last is that of the newest order.
    pub fn ending(newest: Timestamp, days: u32) -> Self {
        let last_day = day(newest);
        Self { start: (last_day + 1 - i64::from(days.max(1))) * DAY_MILLIS, last_day }
    }

    /// When its first day begins.
    pub fn start(self) -> Timestamp {
        Timestamp::from_unix_millis(self.start)
    }

    fn contains(self, placed_at: Timestamp) -> bool {
        placed_at.unix_millis() >= self.start
    }

    /// Whether an order that is placed then moves the period on.
    fn is_before(self, placed_at: Timestamp) -> bool {
        day(placed_at) > self.last_day
    }
}

fn day(time: Timestamp) -> i64 {
    time.unix_millis().div_euclid(DAY_MILLIS)
}

/// A product with the units sold of it. Those that sell better are less, those of one number in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SoldProduct {
    /// Units, above 0.
    pub units: Reverse<i64>,
    /// The product, on sale or not.
    pub product: ProductId,
}

/// Units sold, counted at one moment of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedSales {
    /// The period; `None` if there are no orders.
    pub period: Option<SalesPeriod>,
    /// The products that sold best.
    pub products: Vec<SoldProduct>,
    /// The moment: every entry up to this number is counted.
    pub through: Seq,
    /// Entries that are counted, too, and may not be in the log yet.
    pub unnumbered: HashSet<EventId>,
}

/// The products in the order of the units sold of them.
#[derive(Debug)]
pub struct SalesRanking {
    period: Option<SalesPeriod>,
    units: HashMap<ProductId, i64>,
    order: BTreeSet<SoldProduct>,
    through: Seq,
    unnumbered: HashSet<EventId>,
}

/// An order of a later day was placed: units are to be counted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodEnded;

impl SalesRanking {
    /// The most products that are counted. If more are sold in the period, those that sell least are left out: one of them that
    /// begins to sell is ranked too low until units are counted anew.
    pub const MAX_PRODUCTS: u32 = 250_000;

    /// The entry up to which all are counted.
    pub fn through(&self) -> Seq {
        self.through
    }

    /// Counts the entries of a page of the log, which follow [`Self::through`]; no entry about an order is missing up to
    /// `through`.
    pub fn count(&mut self, events: &[Event], through: Seq) -> Result<(), PeriodEnded> {
        for event in events {
            if event.seq <= self.through {
                continue;
            }
            if !self.unnumbered.remove(&event.id) {
                self.count_entry(event)?;
            }
            self.through = event.seq;
        }
        self.through = self.through.max(through);
        Ok(())
    }

    fn count_entry(&mut self, event: &Event) -> Result<(), PeriodEnded> {
        let Entity::Order(order) = &event.entity else { return Ok(()) };
        if event.kind == EventKind::Updated {
            return Ok(());
        }
        let period = self.period.filter(|period| !period.is_before(order.placed_at)).ok_or(PeriodEnded)?;
        let was_sold = event.previous_status.is_some_and(OrderStatus::counts_as_sold);
        let sign = i64::from(order.status.counts_as_sold()) - i64::from(was_sold);
        if sign != 0 && period.contains(order.placed_at) {
            for item in &order.items {
                self.add(item.product, sign * i64::from(item.quantity));
            }
        }
        Ok(())
    }

    fn add(&mut self, product: ProductId, change: i64) {
        let before = self.units.get(&product).copied().unwrap_or_default();
        if before == 0 && self.units.len() >= Self::MAX_PRODUCTS as usize {
            return;
        }
        let units = before.saturating_add(change);
        self.order.remove(&SoldProduct { units: Reverse(before), product });
        if units > 0 {
            self.units.insert(product, units);
            self.order.insert(SoldProduct { units: Reverse(units), product });
        } else {
            self.units.remove(&product);
        }
    }

    /// The products that sell best, after a place in the ranking.
    pub fn after(&self, place: Option<SoldProduct>) -> impl Iterator<Item = SoldProduct> {
        let from = place.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.order.range((from, std::ops::Bound::Unbounded)).copied()
    }
}

impl From<CountedSales> for SalesRanking {
    fn from(CountedSales { period, products, through, unnumbered }: CountedSales) -> Self {
        let units = products.iter().map(|sold| (sold.product, sold.units.0)).collect();
        Self { period, units, order: products.into_iter().collect(), through, unnumbered }
    }
}

#[cfg(test)]
mod tests;
