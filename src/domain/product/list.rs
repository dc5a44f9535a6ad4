//! What a list of products holds: its filter, its order and the fields that are read.

use super::{
    super::{Decimal, MetadataFilter, Position, ProductId, SearchTerms, SortKey, declare::sort_enum},
    Product, ProductStatus,
};

/// The costly parts of a product in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProductFields {
    /// Read the description.
    pub description: bool,
}

impl ProductFields {
    /// Reads every field.
    pub const ALL: Self = Self { description: true };
}

/// Selects the products of a list. Conditions that are `None` are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ProductFilter {
    /// Words of the name, SKU or description.
    pub search: Option<SearchTerms>,
    /// Only products with these ids; at most 100.
    pub ids: Option<Vec<ProductId>>,
    /// Only products with these SKUs; at most 100.
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
    /// Only with this metadata.
    pub metadata: Option<MetadataFilter>,
}

sort_enum! {
    /// The fields that a list of products can be sorted by.
    pub enum ProductSort {
        /// Time when the product was added.
        CreatedAt: Int = 0,
        /// The lower-case name.
        Name: Text = 1,
        /// The price, whatever the currency.
        Price: Int = 2,
        /// Units on hand.
        Stock: Int = 3,
        /// How well the product fits the search; a list without a search can't be sorted by it.
        Relevance: Score = 4,
    }
}

impl ProductSort {
    /// The position of `product` in a list sorted by this field. [`ProductSort::Relevance`] uses `score`, which the
    /// search gave the product; the other fields ignore it.
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
