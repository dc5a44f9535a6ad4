//! Products and their stock.

use serde::{Deserialize, Serialize};

use super::{CurrencyCode, Decimal, Money, Position, ProductId, SearchTerms, SortKey, Timestamp, search::name_key};

/// Whether a product can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProductStatus {
    /// On sale.
    Active,
    /// Kept for the orders that name it; only staff see it.
    Archived,
}

/// Something that is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Identity.
    pub id: ProductId,
    /// Unique, case-sensitive stock keeping unit.
    pub sku: String,
    /// Display name.
    pub name: String,
    /// Longer text; `None` also when it was not read, see [`ProductFields`].
    pub description: Option<String>,
    /// Price of one unit, not negative.
    pub price: Decimal,
    /// Currency of the price.
    pub currency: CurrencyCode,
    /// Units on hand, never negative.
    pub stock: i32,
    /// Whether it can be bought.
    pub status: ProductStatus,
    /// Free labels, in the order given.
    pub tags: Vec<String>,
    /// Starts at 1 and grows by 1 with each change, of the stock too.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Product {
    /// Price with its currency.
    pub fn money(&self) -> Money {
        Money { amount: self.price, currency: self.currency }
    }

    /// The product with `changes` made.
    pub fn changed(self, changes: ProductChanges, at: Timestamp) -> Self {
        Self {
            name: changes.name.unwrap_or(self.name),
            description: changes.description.unwrap_or(self.description),
            price: changes.price.unwrap_or(self.price),
            tags: changes.tags.unwrap_or(self.tags),
            status: changes.status.unwrap_or(self.status),
            version: self.version + 1,
            updated_at: at,
            ..self
        }
    }

    /// What names are compared by in sorting.
    pub fn name_key(name: &str) -> String {
        name_key(name)
    }
}

/// What a new product is made from; it starts active at version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// Unique stock keeping unit.
    pub sku: String,
    /// Display name.
    pub name: String,
    /// Longer text.
    pub description: Option<String>,
    /// Price of one unit.
    pub price: Decimal,
    /// Currency of the price.
    pub currency: CurrencyCode,
    /// Units on hand.
    pub stock: i32,
    /// Free labels.
    pub tags: Vec<String>,
}

impl NewProduct {
    /// The product made from this, with the given id.
    pub fn create(self, id: ProductId, at: Timestamp) -> Product {
        Product {
            id,
            sku: self.sku,
            name: self.name,
            description: self.description,
            price: self.price,
            currency: self.currency,
            stock: self.stock,
            status: ProductStatus::Active,
            tags: self.tags,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }
}

/// What to change of a product; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductChanges {
    /// A new name.
    pub name: Option<String>,
    /// A new description, or `Some(None)` to remove it.
    pub description: Option<Option<String>>,
    /// A new price in the same currency.
    pub price: Option<Decimal>,
    /// New labels, in place of all old ones.
    pub tags: Option<Vec<String>>,
    /// A new status.
    pub status: Option<ProductStatus>,
}

/// The costly parts of a product in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProductFields {
    /// Read the description.
    pub description: bool,
}

impl ProductFields {
    /// Everything.
    pub const ALL: Self = Self { description: true };
}

/// Which products a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ProductFilter {
    /// Words of the name, SKU or description.
    pub search: Option<SearchTerms>,
    /// Only these; at most 100.
    pub ids: Option<Vec<ProductId>>,
    /// Only these; at most 100.
    pub skus: Option<Vec<String>>,
    /// Only with this label.
    pub tag: Option<String>,
    /// Only with this status.
    pub status: Option<ProductStatus>,
    /// Only with (or only without) stock.
    pub in_stock: Option<bool>,
    /// Only at this price or above.
    pub min_price: Option<Decimal>,
    /// Only at this price or below.
    pub max_price: Option<Decimal>,
}

/// What products are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProductSort {
    /// When the product was made.
    CreatedAt,
    /// The lower-case name.
    Name,
    /// The price, whatever the currency.
    Price,
    /// Units on hand.
    Stock,
    /// How well it fits the search, which has to be given.
    Relevance,
}

impl ProductSort {
    /// Where `product` stands in a list sorted by this field. For [`ProductSort::Relevance`] the position depends on
    /// the search, so its `score` is used; the other fields ignore it.
    pub fn position(self, product: &Product, score: f64) -> Position {
        let key = match self {
            Self::CreatedAt => SortKey::Int(product.created_at.unix_millis()),
            Self::Name => SortKey::Text(Product::name_key(&product.name)),
            Self::Price => SortKey::Int(product.price.units()),
            Self::Stock => SortKey::Int(i64::from(product.stock)),
            Self::Relevance => SortKey::Score(score.to_bits()),
        };
        Position { key, id: product.id.ulid() }
    }
}
