//! Placing an order: who gets the stock.
//!
//! Decision: `docs/decisions/0002-storage-traits.md`.

use std::collections::HashMap;

use super::{
    super::{Decimal, Metadata, OrderId, Product, ProductId, Refusal, Stamp, UserId},
    HistoryEntry, Order, OrderChange, OrderItem, OrderStatus,
};

/// One product of a new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLine {
    /// The product to buy.
    pub product: ProductId,
    /// Units to buy, above 0.
    pub quantity: i32,
    /// Index in the buyer's input of the line that named the product first, for errors.
    pub input_index: usize,
}

impl OrderLine {
    /// Adds up the lines of each product; the first one stands for all of them.
    pub fn sum(lines: &[Self]) -> Result<Vec<Self>, Refusal> {
        let mut sums: Vec<Self> = Vec::with_capacity(lines.len());
        let mut places: HashMap<ProductId, usize> = HashMap::new();
        for line in lines {
            if line.quantity <= 0 {
                return Err(Refusal::QuantityNotPositive { input_index: line.input_index });
            }
            match places.get(&line.product).and_then(|place| sums.get_mut(*place)) {
                Some(sum) => {
                    sum.quantity = sum.quantity.checked_add(line.quantity).ok_or(Refusal::TotalOutOfRange)?;
                }
                None => {
                    places.insert(line.product, sums.len());
                    sums.push(*line);
                }
            }
        }
        Ok(sums)
    }
}

impl OrderItem {
    /// The line of an order that buys `quantity` units of the product as it is now.
    pub fn freeze(product: &Product, quantity: i32) -> Result<Self, Refusal> {
        Ok(Self {
            product: product.id,
            sku: product.sku.clone(),
            name: product.name.clone(),
            quantity,
            unit_price: product.price,
            line_total: product.price.checked_mul(quantity).ok_or(Refusal::TotalOutOfRange)?,
        })
    }
}

/// A request for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Id that the order gets.
    pub id: OrderId,
    /// Number that the order gets.
    pub number: String,
    /// Region that it is sent to.
    pub region: String,
    /// The buyer.
    pub customer: UserId,
    /// The lines, at least one. Lines of the same product count as one.
    pub lines: Vec<OrderLine>,
    /// The buyer's reference to a payment.
    pub payment_reference: Option<String>,
}

impl NewOrder {
    /// The ids of the products to load for [`NewOrder::place`].
    pub fn product_ids(&self) -> impl Iterator<Item = ProductId> {
        self.lines.iter().map(|line| line.product)
    }

    /// Decides whether the order gets the stock it asks for: all of it or none. `products` holds those of its products
    /// that exist. A line that can't be met is refused by its place in the input, the first such line first.
    pub fn place(self, products: &HashMap<ProductId, Product>, stamp: Stamp) -> Result<OrderChange, Refusal> {
        let lines = OrderLine::sum(&self.lines)?;
        let bought = lines_with_products(&lines, products)?;
        let Some((_, first)) = bought.first() else { return Err(Refusal::EmptyOrder) };

        let currency = first.currency;
        let mut total = Decimal::ZERO;
        let mut items = Vec::with_capacity(bought.len());
        let mut updated = Vec::with_capacity(bought.len());
        for (OrderLine { quantity, input_index, .. }, product) in bought {
            if product.currency != currency {
                return Err(Refusal::MixedCurrencies { input_index });
            }
            let item = OrderItem::freeze(product, quantity)?;
            total = total.checked_add(item.line_total).ok_or(Refusal::TotalOutOfRange)?;
            items.push(item);
            updated.push(product.clone().with_stock(product.stock - quantity, stamp)?);
        }
        let status = OrderStatus::Pending;
        let order = Order {
            metadata: Metadata::default(),
            id: self.id,
            number: self.number,
            region: self.region,
            customer: self.customer,
            items,
            total,
            currency,
            status,
            history: Vec::new(),
            payment_reference: self.payment_reference,
            version: 1,
            placed_at: stamp.at,
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let entry =
            HistoryEntry { event: None, from: None, to: status, actor: stamp.actor, reason: None, at: stamp.at };
        Ok(OrderChange { order, entry, products: updated, stamp })
    }
}

/// Pairs each line with its product. Fails if a product is not on sale or has too little stock.
fn lines_with_products<'p>(
    lines: &[OrderLine],
    products: &'p HashMap<ProductId, Product>,
) -> Result<Vec<(OrderLine, &'p Product)>, Refusal> {
    let find = |line: &OrderLine| {
        let input_index = line.input_index;
        let on_sale = products.get(&line.product).filter(|product| product.status.is_on_sale());
        match on_sale {
            None => Err(Refusal::ProductNotFound { input_index }),
            Some(product) if product.stock < line.quantity => {
                Err(Refusal::InsufficientStock { input_index, available: product.stock })
            }
            Some(product) => Ok((*line, product)),
        }
    };
    let first_refused = lines.iter().filter(|line| find(line).is_err()).min_by_key(|line| line.input_index);
    match first_refused {
        Some(line) => find(line).map(|found| vec![found]),
        None => lines.iter().map(find).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CurrencyCode, EventKind, NewProduct, ProductStatus, Timestamp};

    const STAMP: Stamp = Stamp::system(Timestamp::from_unix_millis(2));

    fn product(sku: &str, stock: i32) -> Product {
        let new = NewProduct::new(sku, sku, Decimal::from_units(10), CurrencyCode::GBP);
        let at = Timestamp::from_unix_millis(1);
        NewProduct { stock, ..new }.create(ProductId::derived(at, "test", sku), at)
    }

    fn order(lines: &[(&Product, i32)]) -> NewOrder {
        let line = |(input_index, (product, quantity)): (usize, &(&Product, i32))| OrderLine {
            product: product.id,
            quantity: *quantity,
            input_index,
        };
        NewOrder {
            id: OrderId::generate(STAMP.at),
            number: "1".to_owned(),
            region: "France".to_owned(),
            customer: UserId::generate(STAMP.at),
            lines: lines.iter().enumerate().map(line).collect(),
            payment_reference: None,
        }
    }

    fn on_hand(products: &[&Product]) -> HashMap<ProductId, Product> {
        products.iter().map(|product| (product.id, (*product).clone())).collect()
    }

    #[test]
    fn an_order_takes_its_stock_and_is_logged_after_its_products() {
        let (lamp, vase) = (product("lamp", 10), product("vase", 5));
        let change = order(&[(&vase, 5), (&lamp, 1)]).place(&on_hand(&[&lamp, &vase]), STAMP).unwrap();
        let with_stock = |product: Product, stock| Product { stock, version: 2, updated_at: STAMP.at, ..product };
        assert!(change.products().eq(&[with_stock(vase.clone(), 0), with_stock(lamp.clone(), 9)]));

        let (order, events) = change.record();
        assert_eq!((order.total.units(), order.version, order.status), (60, 1, OrderStatus::Pending));
        assert_eq!(order.history.iter().map(|entry| entry.event).collect::<Vec<_>>(), [Some(events[2].id)]);
        assert!(events.iter().map(|event| event.kind).eq([EventKind::Updated, EventKind::Updated, EventKind::Created]));
        assert_eq!(events[2].entity, order.into());
    }

    #[test]
    fn lines_of_one_product_are_summed() {
        let lamp = product("lamp", 5);
        let change = order(&[(&lamp, 2), (&lamp, 3)]).place(&on_hand(&[&lamp]), STAMP).unwrap();
        assert_eq!(change.products().map(|product| product.stock).collect::<Vec<_>>(), [0]);
        let short = order(&[(&lamp, 3), (&lamp, 3)]).place(&on_hand(&[&lamp]), STAMP);
        assert_eq!(short, Err(Refusal::InsufficientStock { input_index: 0, available: 5 }));
    }

    #[test]
    fn the_first_line_that_can_not_be_met_is_named() {
        let (lamp, old) = (product("lamp", 1), Product { status: ProductStatus::Archived, ..product("old", 9) });
        let (on_hand, missing) = (on_hand(&[&lamp, &old]), product("missing", 1));
        for gone in [&old, &missing] {
            let refused = order(&[(&lamp, 1), (gone, 1)]).place(&on_hand, STAMP);
            assert_eq!(refused, Err(Refusal::ProductNotFound { input_index: 1 }));
        }
        let mut both = order(&[(&lamp, 2), (&old, 1)]);
        assert_eq!(
            both.clone().place(&on_hand, STAMP),
            Err(Refusal::InsufficientStock { input_index: 0, available: 1 })
        );
        both.lines.reverse();
        assert_eq!(
            both.place(&on_hand, STAMP),
            Err(Refusal::InsufficientStock { input_index: 0, available: 1 }),
            "the place in the input counts, not in the list"
        );
    }

    #[test]
    fn an_order_that_is_no_order_is_refused() {
        let (lamp, most) = (product("lamp", 9), Product { price: Decimal::from_units(i64::MAX), ..product("most", 9) });
        let euros = Product { currency: "EUR".parse().unwrap(), ..product("euros", 9) };
        let on_hand = on_hand(&[&lamp, &most, &euros]);
        let refused = |lines: &[(&Product, i32)]| order(lines).place(&on_hand, STAMP).unwrap_err();
        assert_eq!(refused(&[]), Refusal::EmptyOrder);
        assert_eq!(refused(&[(&lamp, 1), (&lamp, 0)]), Refusal::QuantityNotPositive { input_index: 1 });
        assert_eq!(refused(&[(&lamp, 1), (&euros, 1)]), Refusal::MixedCurrencies { input_index: 1 });
        assert_eq!(refused(&[(&most, 2)]), Refusal::TotalOutOfRange);
        assert_eq!(refused(&[(&most, 1), (&lamp, 1)]), Refusal::TotalOutOfRange);
        assert_eq!(refused(&[(&lamp, i32::MAX), (&lamp, 1)]), Refusal::TotalOutOfRange);
    }
}
