//! GraphQL objects, made from rows.

use async_graphql::{
    ComplexObject, Context, Enum, ID, Object, Result, SimpleObject,
    connection::{Connection, Edge, OpaqueCursor, query},
    dataloader::DataLoader,
};
use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};

use crate::{
    reads::{ProductLoader, Reads},
    rows::{ItemRow, OrderRow, OrderStatus, ProductRow, ProductStatus, Units, UserRow},
};

const SCALE: i64 = 10_000;
const MAX_PAGE: usize = 100;

/// A page of products, by name.
pub type ProductConnection = Connection<OpaqueCursor<(String, String)>, Product>;

/// A page of orders, newest first.
pub type OrderConnection = Connection<OpaqueCursor<(i64, String)>, Order>;

#[derive(Clone, Serialize, Deserialize, SimpleObject)]
pub struct Money {
    amount: String,
    currency_code: String,
}

#[derive(SimpleObject)]
pub struct Product {
    id: ID,
    sku: String,
    name: String,
    status: ProductStatus,
    stock: i32,
    price: Money,
}

#[derive(Clone, Serialize, Deserialize, SimpleObject)]
#[graphql(complex)]
pub struct Order {
    id: ID,
    number: String,
    status: OrderStatus,
    version: i32,
    total: Money,
    items: Vec<OrderItem>,
    #[graphql(skip)]
    placed_at: DateTime,
    #[graphql(skip)]
    pub customer: String,
}

#[derive(Clone, Serialize, Deserialize, SimpleObject)]
#[graphql(complex)]
pub struct OrderItem {
    sku: String,
    name: String,
    quantity: i32,
    unit_price: Money,
    line_total: Money,
    #[graphql(skip)]
    product: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
pub enum UpdateKind {
    Created,
}

#[derive(Serialize, Deserialize, SimpleObject)]
pub struct OrderUpdate {
    pub cursor: String,
    pub kind: UpdateKind,
    pub order: Order,
}

/// A user, as they see themselves.
pub struct User(pub UserRow);

#[Object]
impl User {
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn email(&self) -> &str {
        &self.0.email
    }

    async fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    async fn orders(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<OrderConnection> {
        let reads = context.data::<Reads>()?;
        query(after, None, Some(first), None, |after, _, first, _| async move {
            let first = page_size(first)?;
            let after: Option<OpaqueCursor<_>> = after;
            let has_previous = after.is_some();
            let rows = reads.orders(&self.0.id, first + 1, after.map(|cursor| cursor.0)).await?;
            let mut page = Connection::new(has_previous, rows.len() > first);
            page.edges.extend(rows.into_iter().take(first).map(|row| {
                let cursor = OpaqueCursor((row.placed_at.timestamp_millis(), row.id.clone()));
                Edge::new(cursor, row.into())
            }));
            Ok::<_, async_graphql::Error>(page)
        })
        .await
    }
}

#[ComplexObject]
impl Order {
    async fn placed_at(&self) -> Result<String> {
        Ok(self.placed_at.try_to_rfc3339_string()?)
    }
}

#[ComplexObject]
impl OrderItem {
    async fn product(&self, context: &Context<'_>) -> Result<Option<Product>> {
        let loader = context.data::<DataLoader<ProductLoader>>()?;
        Ok(loader.load_one(self.product.clone()).await?.map(Product::from))
    }
}

/// One page of the products on sale.
pub async fn products(reads: &Reads, first: i32, after: Option<String>) -> Result<ProductConnection> {
    query(after, None, Some(first), None, |after, _, first, _| async move {
        let first = page_size(first)?;
        let after: Option<OpaqueCursor<_>> = after;
        let has_previous = after.is_some();
        let rows = reads.products(first + 1, after.map(|cursor| cursor.0)).await?;
        let mut page = Connection::new(has_previous, rows.len() > first);
        page.edges.extend(rows.into_iter().take(first).map(|row| {
            let cursor = OpaqueCursor((row.name_key.clone(), row.id.clone()));
            Edge::new(cursor, row.into())
        }));
        Ok::<_, async_graphql::Error>(page)
    })
    .await
}

fn page_size(first: Option<usize>) -> Result<usize> {
    let first = first.unwrap_or_default();
    if first <= MAX_PAGE { Ok(first) } else { Err("first must be at most 100".into()) }
}

impl From<ProductRow> for Product {
    fn from(row: ProductRow) -> Self {
        let ProductRow { id, sku, name, price, currency, stock, status, .. } = row;
        Self { id: id.into(), sku, name, status, stock, price: Money::new(price, &currency) }
    }
}

impl From<OrderRow> for Order {
    fn from(row: OrderRow) -> Self {
        let OrderRow { id, number, customer_id: customer, items, total, currency, status, version, placed_at, .. } =
            row;
        let items = items.into_iter().map(|item| OrderItem::new(item, &currency)).collect();
        let total = Money::new(total, &currency);
        Self { id: id.into(), number, status, version, total, items, placed_at, customer }
    }
}

impl OrderItem {
    fn new(row: ItemRow, currency: &str) -> Self {
        let ItemRow { product_id: product, sku, name, quantity, unit_price, line_total } = row;
        let [unit_price, line_total] = [unit_price, line_total].map(|units| Money::new(units, currency));
        Self { sku, name, quantity, unit_price, line_total, product }
    }
}

impl Money {
    /// An amount as text with two decimals at least and four at most.
    fn new(Units(units): Units, currency: &str) -> Self {
        let fraction = format!("{:04}", units % SCALE);
        let end = fraction.trim_end_matches('0').len().max(2);
        Self { amount: format!("{}.{}", units / SCALE, &fraction[..end]), currency_code: currency.to_owned() }
    }
}
