//! The documents of Orderwire's collections, as far as they are needed here. Ids are 16 bytes, money is a whole number of
//! 1/10,000 of the currency's unit, absent values are left out.

use mongodb::bson::{Binary, DateTime, Document, spec::BinarySubtype};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// A product as an order needs it.
#[derive(Clone, Deserialize)]
pub struct Product {
    #[serde(rename = "_id")]
    pub id: Binary,
    pub sku: String,
    pub name: String,
    pub price: i64,
    pub currency: String,
    pub stock: i32,
    pub status: String,
    pub version: i32,
}

impl Product {
    pub const ON_SALE: &'static str = "ACTIVE";

    pub fn fields() -> Document {
        projection(&["sku", "name", "price", "currency", "stock", "status", "version"])
    }
}

/// A product as the catalogue shows it.
#[derive(Deserialize)]
pub struct ListedProduct {
    #[serde(rename = "_id")]
    pub id: Binary,
    pub sku: String,
    pub name: String,
    /// The name in lower case, by which the catalogue is sorted.
    pub name_key: String,
    pub price: i64,
    pub currency: String,
    pub stock: i32,
    pub status: String,
}

impl ListedProduct {
    pub fn fields() -> Document {
        projection(&["sku", "name", "name_key", "price", "currency", "stock", "status"])
    }
}

/// An order as its customer sees it.
#[derive(Deserialize)]
pub struct ListedOrder {
    #[serde(rename = "_id")]
    pub id: Binary,
    pub number: String,
    pub total: i64,
    pub currency: String,
    pub status: String,
    pub placed_at: DateTime,
    pub items: Vec<Item>,
}

impl ListedOrder {
    pub fn fields() -> Document {
        projection(&["number", "total", "currency", "status", "placed_at", "items"])
    }
}

#[derive(Serialize, Deserialize)]
pub struct Order {
    #[serde(rename = "_id")]
    pub id: Binary,
    pub number: String,
    pub region: String,
    pub customer: Binary,
    pub total: i64,
    pub currency: String,
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_reference: Option<String>,
    pub version: i32,
    pub placed_at: DateTime,
    pub created_at: DateTime,
    pub updated_at: DateTime,
    pub items: Vec<Item>,
    pub history: Vec<HistoryEntry>,
}

#[derive(Serialize, Deserialize)]
pub struct Item {
    pub product: Binary,
    pub sku: String,
    pub name: String,
    pub quantity: i32,
    pub unit_price: i64,
    pub line_total: i64,
}

#[derive(Serialize, Deserialize)]
pub struct HistoryEntry {
    pub to: String,
    pub actor: Binary,
    pub at: DateTime,
}

/// An idempotency key that was used.
#[derive(Serialize, Deserialize)]
pub struct UsedKey {
    #[serde(rename = "_id")]
    pub id: KeyName,
    /// SHA-256 of the input.
    pub fingerprint: Binary,
    /// Id of the order.
    pub entity: Binary,
    pub created_at: DateTime,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct KeyName {
    pub user: Binary,
    pub scope: String,
    pub key: String,
}

fn projection(fields: &[&str]) -> Document {
    fields.iter().map(|field| ((*field).to_owned(), 1.into())).collect()
}

/// Bytes of an id or a hash.
pub fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

/// The id of a text with this prefix; `None` if it is no such text.
pub fn id_of(prefix: &str, text: &str) -> Option<Binary> {
    Some(binary(&Ulid::from_string(text.strip_prefix(prefix)?).ok()?.to_bytes()))
}

/// The text form of an id.
pub fn id_text(prefix: &str, id: &Binary) -> Option<String> {
    let bytes = id.bytes.as_slice().try_into().ok()?;
    Some(format!("{prefix}{}", Ulid::from_bytes(bytes)))
}
