//! Products through the cache.

use std::sync::Arc;

use async_trait::async_trait;
use ulid::Ulid;

use super::{
    cache::NearCache,
    cached::{Cached, Named, Query},
    change::{Change, ChangeList},
    key::{Key, Value},
    sources::{ById, ByName, Counts, Pages},
};
use crate::{
    domain::{
        CountedSales, Page, Product, ProductChanges, ProductFields, ProductFilter, ProductId, ProductSort, Stamp,
        StockAdjustment, Timestamp,
    },
    storage::{ProductQuery, ProductStore, Result, Store},
    telemetry::metrics::CacheName,
};

#[async_trait]
impl Cached for Product {
    type Id = ProductId;
    type Filter = ProductFilter;
    type Sort = ProductSort;
    type Fields = ProductFields;

    const NAME: CacheName = CacheName::Products;
    const WHOLE: ProductFields = ProductFields::ALL;
    const FIELDS: &[ProductFields] = &[ProductFields::ALL, ProductFields { description: false }];
    const CHANGES: &[Change] = &[Change::Products, Change::Stock];
    const IS_DELETED: bool = false;
    const SHARED_AS: Option<&'static str> = Some("product");

    fn id(&self) -> ProductId {
        self.id
    }

    fn version(&self) -> (i32, Timestamp) {
        (self.version, self.updated_at)
    }

    fn bytes(&self) -> usize {
        self.memory()
    }

    fn key(id: ProductId, fields: ProductFields) -> Key {
        Key::Product(id, fields)
    }

    fn change(id: ProductId) -> Change {
        Change::Product(id)
    }

    fn value(product: Arc<Self>) -> Value {
        Value::Product(product)
    }

    fn from_value(value: &Value) -> Option<&Arc<Self>> {
        if let Value::Product(product) = value { Some(product) } else { None }
    }

    fn with_fields(&self, ProductFields { description }: ProductFields) -> Self {
        Self {
            sku: self.sku.clone(),
            name: self.name.clone(),
            description: self.description.as_ref().filter(|_| description).cloned(),
            tags: self.tags.clone(),
            metadata: self.metadata.clone(),
            ..*self
        }
    }

    fn page_key(query: Query<Self>) -> Key {
        Key::Products(Box::new(query))
    }

    fn page_depends_on(query: &Query<Self>) -> ChangeList {
        Change::of_product_list(&query.filter, query.sort.field)
    }

    fn count_key(filter: ProductFilter) -> Key {
        Key::ProductCount(Box::new(filter))
    }

    fn count_depends_on(filter: &ProductFilter) -> ChangeList {
        Change::of_product_list(filter, ProductSort::Name)
    }

    async fn by_ids(engine: &dyn Store, ids: &[ProductId]) -> Result<Vec<Option<Self>>> {
        engine.products_by_ids(ids).await
    }

    async fn pages(engine: &dyn Store, queries: &[Query<Self>]) -> Result<Vec<Page<Self>>> {
        engine.list_products(queries).await
    }

    async fn counts(engine: &dyn Store, filters: &[ProductFilter]) -> Result<Vec<u64>> {
        engine.count_products(filters).await
    }
}

#[async_trait]
impl Named for Product {
    const KEEPS_NAME: bool = true;

    fn ulid(&self) -> Ulid {
        self.id.ulid()
    }

    fn has_name(&self, sku: &str) -> bool {
        self.sku == sku
    }

    fn name_key(sku: String) -> Key {
        Key::Sku(sku)
    }

    async fn by_names(engine: &dyn Store, skus: &[String]) -> Result<Vec<Option<Self>>> {
        engine.products_by_skus(skus).await
    }
}

#[async_trait]
impl ProductStore for NearCache {
    async fn products_by_ids(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        self.read::<ById<Product>>(ids).await
    }

    async fn products_by_skus(&self, skus: &[String]) -> Result<Vec<Option<Product>>> {
        self.read::<ByName<Product>>(skus).await
    }

    async fn list_products(&self, queries: &[ProductQuery]) -> Result<Vec<Page<Product>>> {
        self.read::<Pages<Product>>(queries).await
    }

    async fn count_products(&self, filters: &[ProductFilter]) -> Result<Vec<u64>> {
        self.read::<Counts<Product>>(filters).await
    }

    async fn count_sales(&self, days: u32, limit: u32) -> Result<CountedSales> {
        self.inner().count_sales(days, limit).await
    }

    async fn insert_product(&self, product: Product, stamp: Stamp) -> Result<Product> {
        let began = self.read_begins();
        let product = self.inner().insert_product(product, stamp).await?;
        self.wrote(began, &product, &Change::PRODUCTS, stamp);
        Ok(product)
    }

    async fn update_product(
        &self,
        id: ProductId,
        changes: ProductChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Product> {
        let began = self.read_begins();
        let product = self.inner().update_product(id, changes, expected_version, stamp).await?;
        self.wrote(began, &product, &Change::PRODUCTS, stamp);
        Ok(product)
    }

    async fn adjust_stock(&self, adjustment: StockAdjustment, stamp: Stamp) -> Result<Product> {
        let began = self.read_begins();
        let product = self.inner().adjust_stock(adjustment, stamp).await?;
        self.own_write(began, stamp).stock(&Arc::new(product.clone()));
        Ok(product)
    }
}
