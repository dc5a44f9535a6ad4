//! A step in an order's life, and what it gives back.

use std::collections::HashMap;

use super::{
    super::{OrderId, Product, ProductId, Refusal, Stamp, version::check_version, version::next_version},
    HistoryEntry, Order, OrderChange, OrderStatus,
};

/// A request to move an order to another status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// Id of the order.
    pub order: OrderId,
    /// The status to move it to.
    pub to: OrderStatus,
    /// The reason, as given.
    pub reason: Option<String>,
    /// Refuses the change if the order is at another version.
    pub expected_version: Option<i32>,
}

/// A step that the state machine allows, before the stock it gives back is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStep {
    order: Order,
    entry: HistoryEntry,
    /// Units that go back, for each product once, in the order of the lines.
    returned: Vec<(ProductId, i64)>,
    stamp: Stamp,
}

impl Order {
    /// Decides whether the order, which has been read whole, may go to another status. Somebody else's order does not exist
    /// for its actor, and a stale version is refused before a forbidden step.
    pub fn step(self, change: StatusChange, stamp: Stamp) -> Result<OrderStep, Refusal> {
        if stamp.lacks_owner(&[Some(self.customer)]) {
            return Err(Refusal::NotFound);
        }
        check_version(change.expected_version, self.version)?;
        let (from, to) = (self.status, change.to);
        if !from.allowed_transitions().contains(&to) {
            return Err(Refusal::InvalidTransition { from, to });
        }
        let entry =
            HistoryEntry { event: None, from: Some(from), to, actor: stamp.actor, reason: change.reason, at: stamp.at };
        let returned = if to.returns_stock() { self.units() } else { Vec::new() };
        let order = Self { status: to, version: next_version(self.version)?, updated_at: stamp.at, ..self };
        Ok(OrderStep { order, entry, returned, stamp })
    }

    /// How many units of each product the order has, in the order of the lines.
    fn units(&self) -> Vec<(ProductId, i64)> {
        let mut units: Vec<(ProductId, i64)> = Vec::new();
        let mut places: HashMap<ProductId, usize> = HashMap::new();
        for item in &self.items {
            let quantity = i64::from(item.quantity);
            match places.get(&item.product).and_then(|place| units.get_mut(*place)) {
                Some((_, sum)) => *sum += quantity,
                None => {
                    places.insert(item.product, units.len());
                    units.push((item.product, quantity));
                }
            }
        }
        units
    }
}

impl OrderStep {
    /// The ids of the products to load for [`OrderStep::restock`].
    pub fn product_ids(&self) -> impl Iterator<Item = ProductId> {
        self.returned.iter().map(|(product, _)| *product)
    }

    /// Adds the stock that goes back to those of the products that still exist.
    pub fn restock(self, mut products: HashMap<ProductId, Product>) -> Result<OrderChange, Refusal> {
        let Self { order, entry, returned, stamp } = self;
        let mut restocked = Vec::with_capacity(returned.len());
        for (id, units) in returned {
            if let Some(product) = products.remove(&id) {
                restocked.push(product.restock(units, stamp)?);
            }
        }
        Ok(OrderChange { order, entry, products: restocked, stamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        CurrencyCode, Decimal, EventKind, Metadata, NewProduct, OrderItem, ProductStatus, Timestamp, UserId,
    };

    const STAMP: Stamp = Stamp::system(Timestamp::from_unix_millis(2));
    const AT: Timestamp = Timestamp::from_unix_millis(1);

    fn product(sku: &str) -> Product {
        let new = NewProduct::new(sku, sku, Decimal::ZERO, CurrencyCode::GBP);
        let product = new.create(ProductId::derived(AT, "test", sku), AT);
        Product { stock: 1, status: ProductStatus::Archived, ..product }
    }

    fn order(status: OrderStatus, lines: &[(&Product, i32)]) -> Order {
        Order {
            metadata: Metadata::default(),
            id: OrderId::derived(AT, "test", "1"),
            number: "1".to_owned(),
            region: String::new(),
            customer: UserId::derived(AT, "test", "1"),
            items: lines.iter().map(|(product, quantity)| OrderItem::freeze(product, *quantity).unwrap()).collect(),
            total: Decimal::ZERO,
            currency: CurrencyCode::GBP,
            status,
            history: Vec::new(),
            payment_reference: None,
            version: 3,
            placed_at: AT,
            created_at: AT,
            updated_at: AT,
        }
    }

    fn to(status: OrderStatus) -> StatusChange {
        StatusChange { order: OrderId::derived(AT, "test", "1"), to: status, reason: None, expected_version: None }
    }

    #[test]
    fn every_step_is_allowed_or_refused() {
        for from in OrderStatus::ALL {
            for status in OrderStatus::ALL {
                let step = order(from, &[]).step(to(status), STAMP);
                if from.allowed_transitions().contains(&status) {
                    assert!(step.is_ok(), "{from:?} {status:?}");
                } else {
                    assert_eq!(step, Err(Refusal::InvalidTransition { from, to: status }));
                }
            }
        }
    }

    #[test]
    fn a_stale_version_is_refused_before_a_forbidden_step() {
        let stale = StatusChange { expected_version: Some(2), ..to(OrderStatus::Pending) };
        let refused = order(OrderStatus::Returned, &[]).step(stale, STAMP);
        assert_eq!(refused, Err(Refusal::VersionMismatch { actual: 3 }));
    }

    #[test]
    fn stock_goes_back_once_to_each_product_that_exists() {
        let (lamp, vase, gone) = (product("lamp"), product("vase"), product("gone"));
        let delivered = order(OrderStatus::Delivered, &[(&lamp, 1), (&gone, 5), (&vase, 2), (&lamp, 3)]);
        let step = delivered.clone().step(to(OrderStatus::Returned), STAMP).unwrap();
        assert!(step.product_ids().eq([lamp.id, gone.id, vase.id]));
        let change = step.restock([(vase.id, vase.clone()), (lamp.id, lamp.clone())].into()).unwrap();
        let restocked = |product: Product, stock| Product { stock, version: 2, updated_at: STAMP.at, ..product };
        assert!(change.products().eq(&[restocked(lamp, 5), restocked(vase, 3)]));

        let (order, events) = change.record();
        let entry = HistoryEntry {
            event: Some(events[2].id),
            from: Some(OrderStatus::Delivered),
            to: OrderStatus::Returned,
            actor: None,
            reason: None,
            at: STAMP.at,
        };
        let expected = Order {
            status: OrderStatus::Returned,
            history: vec![entry],
            version: 4,
            updated_at: STAMP.at,
            ..delivered
        };
        assert_eq!(order, expected);
        assert_eq!(events[2].entity, expected.into());
        assert_eq!(
            (events[2].kind, events[2].previous_status),
            (EventKind::StatusChanged, Some(OrderStatus::Delivered))
        );
    }
}
