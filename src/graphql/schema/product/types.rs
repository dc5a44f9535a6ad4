//! The GraphQL types of products.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use crate::{
    domain::{self, Scope},
    graphql::{
        engine::{
            document::{cache_control, directives::list_size},
            json::{json_enum, json_object},
        },
        schema::{
            metadata::{Items, items, private_items},
            money::Money,
            scalars::DateTime,
        },
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
        /// What integrations keep with it, for everyone who sees it; at most 50 items, sorted by key.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        metadata: Items = items(&product.0.metadata.public);
        /// What integrations keep with it, for staff; at most 50 items. Empty for others.
        #[graphql(directive = list_size::apply(Some(10), None, None, None))]
        async fn private_metadata(&self, context: &Context<'_>) -> Items {
            private_items(context, &self.0.metadata.private, Scope::ReadProducts)
        }
        /// Starts at 1 and grows by 1 with each change, of the stock too.
        version: i32 = product.0.version;
        /// When it was made.
        created_at: DateTime = DateTime(product.0.created_at);
        /// When it was last changed.
        updated_at: DateTime = DateTime(product.0.updated_at);
    }
}
