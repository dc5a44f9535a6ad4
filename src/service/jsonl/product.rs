//! The line of a product.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, finish},
    values::{Items, Text, metadata},
};
use crate::{
    domain::{CurrencyCode, Decimal, Product, ProductId, ProductStatus, Timestamp},
    service::input::Checks,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProductRecord<'l> {
    id: ProductId,
    #[serde(borrow)]
    sku: Cow<'l, str>,
    #[serde(borrow)]
    name: Cow<'l, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'l, str>>,
    price: Text<Decimal>,
    currency: CurrencyCode,
    stock: i32,
    status: ProductStatus,
    #[serde(default)]
    tags: Cow<'l, [String]>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    metadata: Items<'l>,
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    private_metadata: Items<'l>,
    version: i32,
    created_at: Text<Timestamp>,
    updated_at: Text<Timestamp>,
}

impl<'l> From<&'l Product> for ProductRecord<'l> {
    fn from(product: &'l Product) -> Self {
        Self {
            id: product.id,
            sku: Cow::Borrowed(&product.sku),
            name: Cow::Borrowed(&product.name),
            description: product.description.as_deref().map(Cow::Borrowed),
            price: Text(product.price),
            currency: product.currency,
            stock: product.stock,
            status: product.status,
            tags: Cow::Borrowed(&product.tags),
            metadata: Items(Cow::Borrowed(&product.metadata.public)),
            private_metadata: Items(Cow::Borrowed(&product.metadata.private)),
            version: product.version,
            created_at: Text(product.created_at),
            updated_at: Text(product.updated_at),
        }
    }
}

impl ProductRecord<'_> {
    /// The product, if the line keeps the rules.
    pub(super) fn check(self) -> Result<Product, Fault> {
        let mut checks = Checks::default();
        let sku = checks.sku("sku", &self.sku);
        let name = checks.line("name", &self.name);
        let description = checks.description("description", self.description.map(Cow::into_owned));
        let tags = checks.tags("tags", &self.tags);
        checks.not_negative("price", self.price.0);
        if self.stock < 0 {
            checks.fault(&["stock"], "must not be negative");
        }
        checks.version(self.version);
        finish(checks)?;
        Ok(Product {
            id: self.id,
            sku,
            name,
            description,
            price: self.price.0,
            currency: self.currency,
            stock: self.stock,
            status: self.status,
            tags,
            metadata: metadata(self.metadata, self.private_metadata),
            version: self.version,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
