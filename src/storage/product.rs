//! Storage of products and their stock.

use async_trait::async_trait;

use super::{Committed, Idempotency, Result};
use crate::domain::{
    ListQuery, Page, Product, ProductChanges, ProductFields, ProductFilter, ProductId, ProductSort, Stamp,
};

/// A list query over products.
pub type ProductQuery = ListQuery<ProductFilter, ProductSort, ProductFields>;

/// A correction of a product's stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockAdjustment {
    /// Of which product; archived ones too.
    pub product: ProductId,
    /// Units to add, or to take when negative.
    pub delta: i32,
    /// Makes it safe to repeat.
    pub idempotency: Option<Idempotency>,
}

/// Products. Each change appends one log entry.
#[async_trait]
pub trait ProductStore {
    /// The products with these ids.
    async fn products_by_ids(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>>;
    /// The products with these SKUs.
    async fn products_by_skus(&self, skus: &[String]) -> Result<Vec<Option<Product>>>;
    /// One page for each query, all in one call.
    async fn list_products(&self, queries: &[ProductQuery]) -> Result<Vec<Page<Product>>>;
    /// How many products each filter lets through.
    async fn count_products(&self, filters: &[ProductFilter]) -> Result<Vec<u64>>;
    /// The active products with the most units in orders of the `days` before the newest order, cancelled ones left
    /// out; most first, ties by id.
    async fn trending_products(&self, days: u32, limit: u32) -> Result<Vec<Product>>;
    /// Adds a product. Errors: `Duplicate(Sku)`.
    async fn insert_product(&self, product: Product, stamp: Stamp) -> Result<Committed<Product>>;
    /// Changes a product. Errors: `NotFound`, `VersionMismatch`.
    async fn update_product(
        &self,
        id: ProductId,
        changes: ProductChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Committed<Product>>;
    /// Changes the stock. A repeated key answers with the product as it is now and no event.
    /// Errors: `NotFound`, `InsufficientStock` (with `input_index` 0), `StockOutOfRange`, `IdempotencyKeyReused`.
    async fn adjust_stock(&self, adjustment: StockAdjustment, stamp: Stamp) -> Result<Committed<Product>>;
}
