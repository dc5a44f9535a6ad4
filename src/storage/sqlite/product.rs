//! Products and their stock.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::{
    event, idempotency,
    metadata::{self, WithMetadata},
    page,
    product_list::{SALES, filtered},
    read_limit::loaded,
    row::{Json, NamedRow, blob_columns, columns_of, json, named, text_columns},
    store::SqliteStore,
    user,
    words::{Searched, complete, words_of_product},
    writer::Written,
};
use crate::{
    domain::{
        Changed, CountedSales, Direction, Metadata, Page, Product, ProductChanges, ProductFields, ProductFilter,
        ProductId, ProductSort, ProductStatus, Refusal, SalesPeriod, SoldProduct, Sort, Stamp, StockAdjustment,
        Timestamp,
    },
    storage::{ProductQuery, ProductStore, Result, StoreError},
};

blob_columns!(ProductId);
text_columns!(ProductStatus);

pub(super) const COLUMNS: &str =
    "id, sku, name, price, currency, stock, status, tags, version, created_at, updated_at, metadata";

pub(super) fn product_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<Product> {
    let product = Product {
        id: row.get("id")?,
        sku: row.get("sku")?,
        name: row.get("name")?,
        price: row.get("price")?,
        currency: row.get("currency")?,
        stock: row.get("stock")?,
        status: row.get("status")?,
        tags: row.get::<Json<Vec<String>>>("tags")?.0,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        metadata: metadata::from_row(row)?,
        description: row.get("description")?,
    };
    loaded(product, Product::memory)
}

/// The product with this id.
pub(super) fn find(db: &Connection, id: ProductId) -> Result<Option<Product>> {
    Ok(by_id(db)?.query_row([id], named(product_from_row)).optional()?)
}

fn by_id(db: &Connection) -> Result<CachedStatement<'_>> {
    Ok(db.prepare_cached(&format!("SELECT {COLUMNS}, description FROM products WHERE id = ?1"))?)
}

fn find_whole(db: &Connection, id: ProductId) -> Result<Product> {
    Ok(find(db, id)?.ok_or(Refusal::NotFound)?)
}

/// The products with these ids, without those that do not exist.
pub(super) fn find_all(db: &Connection, ids: impl Iterator<Item = ProductId>) -> Result<HashMap<ProductId, Product>> {
    let (mut by_id, mut read) = (by_id(db)?, named(product_from_row));
    let mut found = HashMap::new();
    for id in ids {
        if let Some(product) = by_id.query_row([id], &mut read).optional()? {
            found.insert(id, product);
        }
    }
    Ok(found)
}

/// Adds the product unless its id is stored already; returns whether it was added.
pub(super) fn insert_new(db: &Connection, product: &Product) -> Result<bool> {
    let inserted = db
        .prepare_cached(&format!(
            "INSERT INTO products ({COLUMNS}, description, name_key, in_stock) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?6 > 0) ON CONFLICT (id) DO NOTHING"
        ))?
        .execute(params![
            product.id,
            product.sku,
            product.name,
            product.price,
            product.currency,
            product.stock,
            product.status,
            json(&product.tags)?,
            product.version,
            product.created_at,
            product.updated_at,
            metadata::column(&product.metadata)?,
            product.description,
            Product::name_key(&product.name),
        ])?;
    complete(db, Searched::Products, product.id, || {
        words_of_product(&product.name, &product.sku, product.description.as_deref(), product.status)
    })?;
    if inserted == 1 {
        index_metadata(db, product, &Metadata::default())?;
    }
    Ok(inserted == 1)
}

fn index_metadata(db: &Connection, product: &Product, old: &Metadata) -> Result<()> {
    metadata::index(db, WithMetadata::Products, product.id.to_bytes(), old, &product.metadata)
}

fn insert(db: &Connection, product: Product, stamp: Stamp) -> Result<Written<Product>> {
    user::check_permission(db, stamp)?;
    if !insert_new(db, &product)? {
        return Err(StoreError::internal(format!("the id {} is used already", product.id)));
    }
    event::record(db, Changed::created(product), stamp)
}

fn update(
    db: &Connection,
    id: ProductId,
    changes: ProductChanges,
    expected_version: Option<i32>,
    stamp: Stamp,
) -> Result<Written<Product>> {
    user::check_permission(db, stamp)?;
    let product = find_whole(db, id)?;
    let Some(changed) = product.update(changes, expected_version, stamp)? else {
        return Ok(Written::unchanged(product));
    };
    let (old, product) = (product.metadata, &changed.value);
    db.prepare_cached(
        "UPDATE products SET name = ?2, name_key = ?3, description = ?4, price = ?5, tags = ?6, status = ?7, \
         version = ?8, updated_at = ?9, metadata = ?10 WHERE id = ?1",
    )?
    .execute(params![
        product.id,
        product.name,
        Product::name_key(&product.name),
        product.description,
        product.price,
        json(&product.tags)?,
        product.status,
        product.version,
        product.updated_at,
        metadata::column(&product.metadata)?,
    ])?;
    index_metadata(db, product, &old)?;
    complete(db, Searched::Products, product.id, || {
        words_of_product(&product.name, &product.sku, product.description.as_deref(), product.status)
    })?;
    event::record(db, changed, stamp)
}

/// Saves the stock of products, with their versions and times.
pub(super) fn save_stock<'p>(db: &Connection, products: impl IntoIterator<Item = &'p Product>) -> Result<()> {
    let mut update =
        db.prepare_cached("UPDATE products SET stock = ?2, version = ?3, updated_at = ?4 WHERE id = ?1")?;
    for product in products {
        update.execute(params![product.id, product.stock, product.version, product.updated_at])?;
    }
    Ok(())
}

fn adjust_stock(db: &Connection, adjustment: StockAdjustment, stamp: Stamp) -> Result<Written<Product>> {
    user::check_permission(db, stamp)?;
    let StockAdjustment { product: id, delta, idempotency } = adjustment;
    if let Some(key) = &idempotency
        && let Some(first) = idempotency::replay(db, key)?
    {
        let product = find(db, first.into())?;
        let product = product.ok_or_else(|| StoreError::internal("the product of an idempotency key is missing"))?;
        return Ok(Written::unchanged(product));
    }
    let changed = find_whole(db, id)?.adjust_stock(delta, stamp)?;
    save_stock(db, [&changed.value])?;
    if let Some(key) = &idempotency {
        idempotency::insert(db, key, id.ulid())?;
    }
    event::record(db, changed, stamp)
}

/// The columns of a product in a list.
pub(super) fn list_columns(fields: ProductFields) -> String {
    let description = if fields.description { "p.description" } else { "NULL" };
    format!("{}, {description} AS description", columns_of("p", COLUMNS))
}

fn list(db: &Connection, query: &ProductQuery) -> Result<Page<Product>> {
    let list = filtered(&query.filter, query.sort, Some(&query.slice))?;
    let mut read = named(product_from_row);
    page::read_page(db, &list, &list_columns(query.fields), &query.slice, |row| Ok(read(row)?))
}

fn count(db: &Connection, filter: &ProductFilter) -> Result<u64> {
    let by_price = filter.min_price.is_some() || filter.max_price.is_some();
    let field = if by_price { ProductSort::Price } else { ProductSort::CreatedAt };
    page::count(db, &filtered(filter, Sort { field, direction: Direction::Asc }, None)?)
}

fn count_sales(db: &Connection, days: u32, limit: u32) -> Result<CountedSales> {
    let newest: Option<Timestamp> =
        db.prepare_cached("SELECT max(placed_at) AS newest FROM orders")?.query_row([], |row| row.get("newest"))?;
    let period = newest.map(|newest| SalesPeriod::ending(newest, days));
    let mut products = Vec::new();
    if let Some(period) = period {
        let mut statement = db.prepare_cached(&SALES)?;
        let sold = |row: &Row<'_>| Ok(SoldProduct { units: Reverse(row.get("units")?), product: row.get("id")? });
        products = statement.query_map(params![period.start(), limit], sold)?.collect::<rusqlite::Result<_>>()?;
    }
    Ok(CountedSales { period, products, through: event::head(db)?, unnumbered: HashSet::new() })
}

#[async_trait]
impl ProductStore for SqliteStore {
    async fn products_by_ids(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        let ids = ids.to_vec();
        self.read(move |db| {
            let (mut by_id, mut read) = (by_id(db)?, named(product_from_row));
            ids.into_iter().map(|id| Ok(by_id.query_row([id], &mut read).optional()?)).collect()
        })
        .await
    }

    async fn products_by_skus(&self, skus: &[String]) -> Result<Vec<Option<Product>>> {
        let skus = skus.to_vec();
        self.read(move |db| {
            let mut by_sku =
                db.prepare_cached(&format!("SELECT {COLUMNS}, description FROM products WHERE sku = ?1"))?;
            let mut read = named(product_from_row);
            skus.iter().map(|sku| Ok(by_sku.query_row([sku], &mut read).optional()?)).collect()
        })
        .await
    }

    async fn list_products(&self, queries: &[ProductQuery]) -> Result<Vec<Page<Product>>> {
        let queries = queries.to_vec();
        self.read(move |db| queries.iter().map(|query| list(db, query)).collect()).await
    }

    async fn count_products(&self, filters: &[ProductFilter]) -> Result<Vec<u64>> {
        let filters = filters.to_vec();
        self.read(move |db| filters.iter().map(|filter| count(db, filter)).collect()).await
    }

    async fn count_sales(&self, days: u32, limit: u32) -> Result<CountedSales> {
        self.read(move |db| count_sales(db, days, limit)).await
    }

    async fn insert_product(&self, product: Product, stamp: Stamp) -> Result<Product> {
        self.change(move |db| insert(db, product, stamp)).await
    }

    async fn update_product(
        &self,
        id: ProductId,
        changes: ProductChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Product> {
        self.change(move |db| update(db, id, changes, expected_version, stamp)).await
    }

    async fn adjust_stock(&self, adjustment: StockAdjustment, stamp: Stamp) -> Result<Product> {
        self.change(move |db| adjust_stock(db, adjustment, stamp)).await
    }
}
