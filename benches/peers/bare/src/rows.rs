//! The documents of MongoDB, as `benches/peers/apollo` makes them.

use async_graphql::Enum;
use mongodb::bson::{DateTime, Document};
use serde::{Deserialize, Serialize};

/// A whole number of 1/10,000 of the currency's unit. JavaScript writes large ones as floating-point numbers.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(from = "f64")]
pub struct Units(pub i64);

impl From<f64> for Units {
    fn from(number: f64) -> Self {
        Self(number as i64)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProductStatus {
    Active,
    Archived,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
    Returned,
}

#[derive(Deserialize)]
pub struct UserRow {
    #[serde(rename = "_id")]
    pub id: String,
    pub name: String,
    pub email: String,
    pub region: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductRow {
    #[serde(rename = "_id")]
    pub id: String,
    pub sku: String,
    pub name: String,
    /// The name in lower case, by which lists are sorted.
    pub name_key: String,
    pub price: Units,
    pub currency: String,
    pub stock: i32,
    pub status: ProductStatus,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRow {
    #[serde(rename = "_id")]
    pub id: String,
    pub number: String,
    pub region: Option<String>,
    pub customer_id: String,
    /// Left out when rows are read for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    pub items: Vec<ItemRow>,
    pub total: Units,
    pub currency: String,
    pub status: OrderStatus,
    /// Orders of the imported data have none.
    #[serde(default = "first_version")]
    pub version: i32,
    pub placed_at: DateTime,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemRow {
    pub product_id: String,
    pub sku: String,
    pub name: String,
    pub quantity: i32,
    pub unit_price: Units,
    pub line_total: Units,
}

const fn first_version() -> i32 {
    1
}

impl UserRow {
    pub fn fields() -> Document {
        projection(&["name", "email", "region"])
    }
}

impl ProductRow {
    pub fn fields() -> Document {
        projection(&["sku", "name", "nameKey", "price", "currency", "stock", "status"])
    }
}

impl OrderRow {
    pub fn fields() -> Document {
        projection(&["number", "region", "customerId", "items", "total", "currency", "status", "version", "placedAt"])
    }
}

fn projection(fields: &[&str]) -> Document {
    fields.iter().map(|field| ((*field).to_owned(), 1.into())).collect()
}
