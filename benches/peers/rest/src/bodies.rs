//! The JSON of products and orders.

use std::collections::HashMap;

use serde::Serialize;

use crate::documents::{Item, ListedOrder, ListedProduct, id_text};

/// One page of products.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductsBody {
    pub nodes: Vec<ProductBody>,
    pub page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    pub has_next_page: bool,
    /// The last product's position, after which the next page begins.
    pub end_cursor: Option<String>,
}

/// A customer's newest orders.
#[derive(Serialize)]
pub struct OrdersBody {
    pub nodes: Vec<OrderBody>,
}

#[derive(Serialize)]
pub struct ProductBody {
    id: String,
    sku: String,
    name: String,
    status: String,
    stock: i32,
    price: Money,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderBody {
    id: String,
    number: String,
    status: String,
    placed_at: String,
    total: Money,
    items: Vec<ItemBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody {
    quantity: i32,
    product: Option<ItemProduct>,
    unit_price: Money,
    line_total: Money,
}

#[derive(Serialize)]
struct ItemProduct {
    id: String,
    sku: String,
    name: String,
    price: Money,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    amount: String,
    currency_code: String,
}

impl ProductBody {
    /// `None` if the stored id is not one.
    pub fn new(product: ListedProduct) -> Option<Self> {
        let ListedProduct { id, sku, name, price, currency, stock, status, .. } = product;
        Some(Self { id: id_text("prd_", &id)?, sku, name, status, stock, price: Money::new(price, currency) })
    }
}

impl OrderBody {
    /// An order with those of its products that are among `products`, by id. `None` if a stored value is invalid.
    pub fn new(order: ListedOrder, products: &HashMap<&[u8], &ListedProduct>) -> Option<Self> {
        let ListedOrder { id, number, total, currency, status, placed_at, items } = order;
        let items = items.iter().map(|item| ItemBody::new(item, &currency, products)).collect::<Option<_>>()?;
        Some(Self {
            id: id_text("ord_", &id)?,
            number,
            status,
            placed_at: placed_at.try_to_rfc3339_string().ok()?,
            total: Money::new(total, currency),
            items,
        })
    }
}

impl ItemBody {
    fn new(item: &Item, currency: &str, products: &HashMap<&[u8], &ListedProduct>) -> Option<Self> {
        let product = match products.get(item.product.bytes.as_slice()) {
            None => None,
            Some(product) => Some(ItemProduct {
                id: id_text("prd_", &product.id)?,
                sku: product.sku.clone(),
                name: product.name.clone(),
                price: Money::new(product.price, product.currency.clone()),
            }),
        };
        let money = |units| Money::new(units, currency.to_owned());
        Some(Self {
            quantity: item.quantity,
            product,
            unit_price: money(item.unit_price),
            line_total: money(item.line_total),
        })
    }
}

impl Money {
    /// An amount of units of 1/10,000, as text of at least two decimals.
    pub fn new(units: i64, currency_code: String) -> Self {
        let mut amount = format!("{}.{:04}", units / 10_000, units % 10_000);
        let zeros = amount.bytes().rev().take(2).take_while(|byte| *byte == b'0').count();
        amount.truncate(amount.len() - zeros);
        Self { amount, currency_code }
    }
}
