//! Use cases of products.

mod stock_updates;
mod trending;

use super::{
    Result, Service, UserError, UserErrorCode, access,
    access::fetch_visible,
    error::not_found_at,
    fingerprint,
    idempotency::owner_of_keys,
    input::{Checks, MAX_QUANTITY},
};
use crate::{
    domain::{
        Decimal, Idempotency, NewProduct, Page, Product, ProductChanges, ProductFilter, ProductId, ProductStatus,
        Refusal, Scope, StockAdjustment, Viewer, text,
    },
    storage::ProductQuery,
};

/// A change of a product; `None` leaves a field as it is, `Some(None)` removes its value, which only some fields allow.
#[derive(Debug, Clone)]
pub struct UpdateProduct {
    /// The product to change.
    pub id: ProductId,
    /// A new name.
    pub name: Option<Option<String>>,
    /// A new description.
    pub description: Option<Option<String>>,
    /// A new price.
    pub price: Option<Option<Decimal>>,
    /// New labels.
    pub tags: Option<Option<Vec<String>>>,
    /// Only if the product is at this version.
    pub expected_version: Option<i32>,
}

/// A correction of the stock.
#[derive(Debug, Clone)]
pub struct AdjustStock {
    /// The product whose stock changes.
    pub product: ProductId,
    /// Units to add, or to take when negative.
    pub delta: i32,
    /// Why, for the log.
    pub reason: Option<String>,
    /// Identifies the request, so that repeating it changes nothing.
    pub idempotency_key: Option<String>,
}

impl Service {
    /// The products with these ids that the viewer may see.
    pub async fn products(&self, viewer: &Viewer, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        let products = self.store.products_by_ids(ids).await?;
        Ok(products.into_iter().map(|product| product.filter(|product| viewer.sees_product(product))).collect())
    }

    /// The product with this SKU, if the viewer may see it.
    pub async fn product_by_sku(&self, viewer: &Viewer, sku: String) -> Result<Option<Product>> {
        let found = self.store.products_by_skus(&text::spellings(&sku)).await?;
        let product = found.into_iter().flatten().next();
        Ok(product.filter(|product| viewer.sees_product(product)))
    }

    /// A page for each query, of what the viewer may see.
    pub async fn list_products(&self, viewer: &Viewer, queries: &[ProductQuery]) -> Result<Vec<Page<Product>>> {
        let scoped = queries
            .iter()
            .map(|query| Some(ProductQuery { filter: scope(viewer, query.filter.clone())?, ..query.clone() }))
            .collect();
        fetch_visible(scoped, Page::empty, async |queries| self.store.list_products(queries).await).await
    }

    /// How many products each filter lets the viewer see.
    pub async fn count_products(&self, viewer: &Viewer, filters: &[ProductFilter]) -> Result<Vec<u64>> {
        let scoped = filters.iter().map(|filter| scope(viewer, filter.clone())).collect();
        fetch_visible(scoped, || 0, async |filters| self.store.count_products(filters).await).await
    }

    /// Staff: adds a product.
    pub async fn create_product(&self, viewer: &Viewer, input: NewProduct) -> Result<Product> {
        access::require(viewer, Scope::WriteProducts)?;
        let mut checks = Checks::default();
        let new = NewProduct {
            sku: checks.sku("sku", &input.sku),
            name: checks.line("name", &input.name),
            description: checks.description("description", input.description),
            price: input.price,
            currency: input.currency,
            stock: input.stock,
            tags: checks.tags("tags", &input.tags),
        };
        checks.price("price", new.price);
        if new.stock < 0 {
            checks.fault(&["stock"], "must not be negative");
        }
        checks.finish()?;
        let stamp = self.stamp(viewer)?;
        let product = new.create(ProductId::generate(stamp.at), stamp.at);
        Ok(self.store.insert_product(product, stamp).await?)
    }

    /// Staff: changes a product.
    pub async fn update_product(&self, viewer: &Viewer, input: UpdateProduct) -> Result<Product> {
        access::require(viewer, Scope::WriteProducts)?;
        let mut checks = Checks::default();
        let changes = ProductChanges {
            name: checks.not_null("name", input.name).map(|name| checks.line("name", &name)),
            description: input.description.map(|text| checks.description("description", text)),
            price: checks.not_null("price", input.price).inspect(|price| checks.price("price", *price)),
            tags: checks.not_null("tags", input.tags).map(|tags| checks.tags("tags", &tags)),
            status: None,
        };
        checks.finish()?;
        self.change_product(viewer, input.id, changes, input.expected_version).await
    }

    /// Staff: takes a product off sale. Archiving an archived product changes nothing.
    pub async fn archive_product(
        &self,
        viewer: &Viewer,
        id: ProductId,
        expected_version: Option<i32>,
    ) -> Result<Product> {
        access::require(viewer, Scope::WriteProducts)?;
        self.change_product(viewer, id, ProductChanges::archive(), expected_version).await
    }

    async fn change_product(
        &self,
        viewer: &Viewer,
        id: ProductId,
        changes: ProductChanges,
        expected_version: Option<i32>,
    ) -> Result<Product> {
        let stamp = self.stamp(viewer)?;
        self.store.update_product(id, changes, expected_version, stamp).await.map_err(not_found_at("id"))
    }

    /// Staff: corrects the stock of a product.
    pub async fn adjust_stock(&self, viewer: &Viewer, input: AdjustStock) -> Result<Product> {
        access::require(viewer, Scope::WriteProducts)?;
        let mut checks = Checks::default();
        if input.delta == 0 || input.delta.unsigned_abs() > MAX_QUANTITY.unsigned_abs() {
            checks.fault(&["delta"], format!("must be between -{MAX_QUANTITY} and {MAX_QUANTITY} and not 0"));
        }
        let reason = checks.optional_line("reason", input.reason.as_deref());
        let key = input.idempotency_key.map(|key| checks.idempotency_key(&key));
        checks.finish()?;
        let idempotency = key.zip(viewer.actor()).map(|(key, actor)| Idempotency {
            user: owner_of_keys(viewer, actor),
            scope: "adjustStock",
            key,
            fingerprint: fingerprint([
                input.product.to_string().as_str(),
                &input.delta.to_string(),
                reason.as_deref().unwrap_or_default(),
            ]),
        });
        tracing::info!(product = %input.product, delta = input.delta, reason, "stock adjustment");
        let adjustment = StockAdjustment { product: input.product, delta: input.delta, idempotency };
        let stamp = self.stamp(viewer)?;
        self.store.adjust_stock(adjustment, stamp).await.map_err(|error| match error {
            crate::storage::StoreError::Refused(Refusal::InsufficientStock { available, .. }) => {
                UserError::at(UserErrorCode::InsufficientStock, ["delta"], format!("only {available} available")).into()
            }
            other => not_found_at("productId")(other),
        })
    }
}

/// Narrows `filter` to what the viewer may see; `None` when nothing is left.
fn scope(viewer: &Viewer, mut filter: ProductFilter) -> Option<ProductFilter> {
    if !viewer.may(Scope::ReadProducts) {
        if filter.status == Some(ProductStatus::Archived) {
            return None;
        }
        filter.status = Some(ProductStatus::Active);
    }
    Some(filter)
}
