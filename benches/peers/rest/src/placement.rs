//! What an order asks for, and the decision whether it gets it.

use mongodb::bson::{Binary, DateTime};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::{
    documents::{HistoryEntry, Item, KeyName, Order, Product, UsedKey, binary},
    routes::Refusal,
};

const SCOPE: &str = "placeOrder";
const PENDING: &str = "PENDING";

/// One product of an order. An order has one line for each product.
pub struct Line {
    pub product: Binary,
    pub quantity: i32,
}

/// A checked request for an order.
pub struct OrderRequest {
    pub customer: Binary,
    pub region: String,
    pub payment_reference: Option<String>,
    pub lines: Vec<Line>,
    pub idempotency_key: String,
}

/// An order that gets its stock.
pub struct Placement {
    pub order: Order,
    /// The products with the stock that is left.
    pub products: Vec<Product>,
}

impl OrderRequest {
    pub fn key_name(&self) -> KeyName {
        KeyName { user: self.customer.clone(), scope: SCOPE.to_owned(), key: self.idempotency_key.clone() }
    }

    /// Tells whether a repeated key comes with the same input.
    pub fn fingerprint(&self) -> Binary {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_unstable_by(|a, b| a.product.bytes.cmp(&b.product.bytes));
        let mut hash = Sha256::new();
        for text in [&self.region, self.payment_reference.as_deref().unwrap_or_default()] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        for Line { product, quantity } in lines {
            hash.update(&product.bytes);
            hash.update(quantity.to_be_bytes());
        }
        binary(&hash.finalize())
    }

    pub fn used_key(&self, order: &Order) -> UsedKey {
        UsedKey {
            id: self.key_name(),
            fingerprint: self.fingerprint(),
            entity: order.id.clone(),
            created_at: order.placed_at,
        }
    }

    /// Decides whether the order gets all that it asks for. `found` are those of its products that exist.
    pub fn place(&self, found: &[Product], at: DateTime) -> Result<Placement, Refusal> {
        let mut items = Vec::with_capacity(self.lines.len());
        let mut products = Vec::with_capacity(self.lines.len());
        let mut total = 0_i64;
        for Line { product: id, quantity } in &self.lines {
            let product = found.iter().find(|product| product.id == *id && product.status == Product::ON_SALE);
            let product = product.ok_or(Refusal::ProductNotFound)?;
            if product.stock < *quantity {
                return Err(Refusal::InsufficientStock);
            }
            if products.first().is_some_and(|first: &Product| first.currency != product.currency) {
                return Err(Refusal::MixedCurrencies);
            }
            let line_total = product.price.checked_mul(i64::from(*quantity)).ok_or(Refusal::TotalOutOfRange)?;
            total = total.checked_add(line_total).ok_or(Refusal::TotalOutOfRange)?;
            items.push(Item {
                product: product.id.clone(),
                sku: product.sku.clone(),
                name: product.name.clone(),
                quantity: *quantity,
                unit_price: product.price,
                line_total,
            });
            let left = Product { stock: product.stock - quantity, version: product.version + 1, ..product.clone() };
            products.push(left);
        }
        let currency = products.first().ok_or(Refusal::BadInput("items must not be empty"))?.currency.clone();
        let id = Ulid::new();
        let entry = HistoryEntry { to: PENDING.to_owned(), actor: self.customer.clone(), at };
        let order = Order {
            id: binary(&id.to_bytes()),
            number: number(id, at),
            region: self.region.clone(),
            customer: self.customer.clone(),
            total,
            currency,
            status: PENDING.to_owned(),
            payment_reference: self.payment_reference.clone(),
            version: 1,
            placed_at: at,
            created_at: at,
            updated_at: at,
            items,
            history: vec![entry],
        };
        Ok(Placement { order, products })
    }
}

/// The year and 8 random characters, as Orderwire's numbers.
fn number(id: Ulid, at: DateTime) -> String {
    let year: String = at.to_string().chars().skip(2).take(2).collect();
    let id = id.to_string();
    format!("OW{year}-{}", &id[id.len() - 8..])
}
