//! The GraphQL types of products.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object};

use crate::{
    domain,
    graphql::{
        engine::{
            document::cache_control,
            json::{json_enum, json_object},
        },
        schema::{money::Money, scalars::DateTime},
    },
};

/// Whether a product can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ProductStatus")]
pub enum ProductStatus {
    /// On sale.
    Active,
    /// Off sale; only staff see it.
    Archived,
}

json_enum!(ProductStatus);

/// How many seconds caches may keep a product: its price and stock may be as old in an answer.
pub(super) const MAX_AGE: i32 = 5;

/// Something that is sold.
pub struct Product(pub Arc<domain::Product>);

json_object! {
    /// Something that is sold.
    #[Object(serial, directive = cache_control::apply(Some(MAX_AGE), None))]
    Product as product {
        /// Globally unique id.
        id: ID = ID(product.0.id.to_string());
        /// Unique stock keeping unit; upper and lower case differ.
        sku: &str = &product.0.sku;
        /// Display name.
        name: &str = &product.0.name;
        /// Longer text.
        description: Option<&str> = product.0.description.as_deref();
        /// Price of one unit.
        price: Money = Money(product.0.money());
        /// Units on hand, never negative.
        stock: i32 = product.0.stock;
        /// Whether it can be bought.
        status: ProductStatus = product.0.status.into();
        /// Free labels.
        tags: &[String] = &product.0.tags;
        /// Starts at 1 and grows by 1 with each change, of the stock too.
        version: i32 = product.0.version;
        /// When it was made.
        created_at: DateTime = DateTime(product.0.created_at);
        /// When it was last changed.
        updated_at: DateTime = DateTime(product.0.updated_at);
    }
}
