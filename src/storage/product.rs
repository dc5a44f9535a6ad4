//! Storage of products and their stock.

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{
    CountedSales, ListQuery, Page, Product, ProductChanges, ProductFields, ProductFilter, ProductId, ProductSort,
    Stamp, StockAdjustment,
};

/// A list query over products.
pub type ProductQuery = ListQuery<ProductFilter, ProductSort, ProductFields>;

/// Reads and changes of products. Each change appends one log entry.
#[async_trait]
pub trait ProductStore {
    /// The products with these ids.
    async fn products_by_ids(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>>;
    /// The products with these SKUs.
    async fn products_by_skus(&self, skus: &[String]) -> Result<Vec<Option<Product>>>;
    /// A page for each query.
    async fn list_products(&self, queries: &[ProductQuery]) -> Result<Vec<Page<Product>>>;
    /// The number of products that pass each filter.
    async fn count_products(&self, filters: &[ProductFilter]) -> Result<Vec<u64>>;
    /// Units sold of each product in the [`SalesPeriod`](crate::domain::SalesPeriod) of `days`, of the `limit` products that
    /// sold best. [`OrderStatus::counts_as_sold`](crate::domain::OrderStatus::counts_as_sold) says which orders count. Reads
    /// all orders of the period.
    async fn count_sales(&self, days: u32, limit: u32) -> Result<CountedSales>;
    /// Adds a product. Refuses a SKU that another product has.
    async fn insert_product(&self, product: Product, stamp: Stamp) -> Result<Product>;
    /// Changes a product as [`Product::update`] decides.
    async fn update_product(
        &self,
        id: ProductId,
        changes: ProductChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Product>;
    /// Changes the stock as [`Product::adjust_stock`] decides. A repeated key is answered with the product of the first
    /// call, as it is now, and appends nothing.
    async fn adjust_stock(&self, adjustment: StockAdjustment, stamp: Stamp) -> Result<Product>;
}

instrument!(ProductStore {
    fn products_by_ids(ids: &[ProductId]) -> Vec<Option<Product>>, batch ids;
    fn products_by_skus(skus: &[String]) -> Vec<Option<Product>>, batch skus;
    fn list_products(queries: &[ProductQuery]) -> Vec<Page<Product>>, batch queries;
    fn count_products(filters: &[ProductFilter]) -> Vec<u64>, batch filters;
    fn count_sales(days: u32, limit: u32) -> CountedSales;
    fn insert_product(product: Product, stamp: Stamp) -> Product, stores Product::memory;
    fn update_product(
        id: ProductId, changes: ProductChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> Product, stores Product::memory;
    fn adjust_stock(adjustment: StockAdjustment, stamp: Stamp) -> Product, stores Product::memory;
});
