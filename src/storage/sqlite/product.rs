//! Products and their stock.

use std::{collections::HashMap, sync::LazyLock};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    Result, SqliteStore, event, idempotency,
    list::{Cursors, KeyType, ListBuilder, ListOrder, fts_query},
    page,
    row::{Json, json},
};
use crate::{
    domain::{
        Changed, Direction, OrderStatus, Page, Product, ProductChanges, ProductFields, ProductFilter, ProductId,
        ProductSort, ProductStatus, Refusal, Slice, Sort, Stamp, StockAdjustment,
    },
    storage::{Committed, ProductQuery, ProductStore, StoreError},
};

const COLUMNS: &str = "id, sku, name, price, currency, stock, status, tags, version, created_at, updated_at";
/// How much a word in the name, SKU and description counts for relevance.
const WEIGHTS: &str = "10.0, 5.0, 1.0";

fn product_from_row(row: &Row<'_>) -> rusqlite::Result<Product> {
    Ok(Product {
        id: row.get("id")?,
        sku: row.get("sku")?,
        name: row.get("name")?,
        price: row.get("price")?,
        currency: row.get("currency")?,
        stock: row.get("stock")?,
        status: row.get("status")?,
        tags: row.get::<_, Json<Vec<String>>>("tags")?.0,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        description: row.get("description")?,
    })
}

/// The product with this id.
pub(super) fn find(db: &Connection, id: ProductId, fields: ProductFields) -> Result<Option<Product>> {
    let description = if fields.description { "description" } else { "NULL AS description" };
    let sql = format!("SELECT {COLUMNS}, {description} FROM products WHERE id = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([id], product_from_row).optional()?)
}

fn find_whole(db: &Connection, id: ProductId) -> Result<Product> {
    Ok(find(db, id, ProductFields::ALL)?.ok_or(Refusal::NotFound)?)
}

/// Those of the products that exist.
pub(super) fn find_all(db: &Connection, ids: impl Iterator<Item = ProductId>) -> Result<HashMap<ProductId, Product>> {
    let mut found = HashMap::new();
    for id in ids {
        if let Some(product) = find(db, id, ProductFields::ALL)? {
            found.insert(id, product);
        }
    }
    Ok(found)
}

/// Adds the product unless the id is there; whether it was added.
pub(super) fn insert_new(db: &Connection, product: &Product) -> Result<bool> {
    let inserted = db
        .prepare_cached(&format!(
            "INSERT INTO products ({COLUMNS}, description, name_key, in_stock) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?6 > 0) ON CONFLICT (id) DO NOTHING"
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
            product.description,
            Product::name_key(&product.name),
        ])?;
    Ok(inserted == 1)
}

fn insert(db: &Connection, product: Product, stamp: Stamp) -> Result<Committed<Product>> {
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
) -> Result<Committed<Product>> {
    let changed = find_whole(db, id)?.update(changes, expected_version, stamp)?;
    let product = &changed.value;
    db.prepare_cached(
        "UPDATE products SET name = ?2, name_key = ?3, description = ?4, price = ?5, tags = ?6, status = ?7, \
         version = ?8, updated_at = ?9 WHERE id = ?1",
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
    ])?;
    event::record(db, changed, stamp)
}

/// Saves the stock of products, and the version that comes with it.
pub(super) fn save_stock(db: &Connection, products: &[Product]) -> Result<()> {
    let mut update =
        db.prepare_cached("UPDATE products SET stock = ?2, version = ?3, updated_at = ?4 WHERE id = ?1")?;
    for product in products {
        update.execute(params![product.id, product.stock, product.version, product.updated_at])?;
    }
    Ok(())
}

fn adjust_stock(db: &Connection, adjustment: StockAdjustment, stamp: Stamp) -> Result<Committed<Product>> {
    let StockAdjustment { product: id, delta, idempotency } = adjustment;
    if let Some(key) = &idempotency
        && let Some(first) = idempotency::replay(db, key)?
    {
        let product = find(db, first.into(), ProductFields::ALL)?;
        let product = product.ok_or_else(|| StoreError::internal("the product of an idempotency key is missing"))?;
        return Ok(Committed { value: product, events: Vec::new() });
    }
    let changed = find_whole(db, id)?.adjust_stock(delta, stamp)?;
    save_stock(db, std::slice::from_ref(&changed.value))?;
    if let Some(key) = &idempotency {
        idempotency::insert(db, key, id.ulid(), stamp.at)?;
    }
    event::record(db, changed, stamp)
}

fn order(filter: &ProductFilter, sort: Sort<ProductSort>) -> Result<ListOrder> {
    let Sort { field, direction } = sort;
    if walks_tag(filter) {
        let (key, key_type) = match field {
            ProductSort::CreatedAt => ("t.created_at", KeyType::Int),
            ProductSort::Name => ("t.name_key", KeyType::Text),
            ProductSort::Price => ("t.price", KeyType::Int),
            ProductSort::Stock => ("t.stock", KeyType::Int),
            ProductSort::Relevance => return Err(relevance_without_search()),
        };
        return Ok(ListOrder { key, key_type, id: "t.product_id", direction });
    }
    let (key, key_type) = match field {
        ProductSort::CreatedAt => ("p.created_at", KeyType::Int),
        ProductSort::Name => ("p.name_key", KeyType::Text),
        ProductSort::Price => ("p.price", KeyType::Int),
        ProductSort::Stock => ("p.stock", KeyType::Int),
        ProductSort::Relevance if filter.search.is_some() => ("hits.score", KeyType::Score),
        ProductSort::Relevance => return Err(relevance_without_search()),
    };
    Ok(ListOrder { key, key_type, id: "p.id", direction })
}

fn relevance_without_search() -> StoreError {
    StoreError::internal("a list without a search can't be sorted by relevance")
}

/// Whether the list is found by its tag rather than by something that fewer products have.
fn walks_tag(filter: &ProductFilter) -> bool {
    filter.tag.is_some() && filter.search.is_none() && filter.ids.is_none() && filter.skus.is_none()
}

/// The list of products that pass `filter`.
pub(super) fn filtered(filter: &ProductFilter, sort: Sort<ProductSort>, slice: Option<&Slice>) -> Result<ListBuilder> {
    let cursors = slice.map_or_else(Cursors::default, |slice| Cursors::for_slice(slice, sort.direction));
    let order = order(filter, sort)?;
    let mut list = ListBuilder::new("products p", order, cursors);
    if let Some(search) = &filter.search {
        let words = list.bind(fts_query(search));
        // Scores of other lists would be computed for nothing.
        let score = match sort.field {
            ProductSort::Relevance => format!("-bm25(products_fts, {WEIGHTS})"),
            _ => "0.0".to_owned(),
        };
        let hits = format!("SELECT rowid AS row, {score} AS score FROM products_fts WHERE products_fts MATCH {words}");
        list.start_from_hits("hits CROSS JOIN products p ON p.row = hits.row", &hits);
    }
    if let Some(ids) = &filter.ids {
        let ids = list.bind_all(ids.iter().copied());
        member(&mut list, "p.id", &ids);
    }
    if let Some(skus) = &filter.skus {
        let skus = list.bind_all(skus.iter().cloned());
        member(&mut list, "p.sku", &skus);
    }
    if let Some(tag) = &filter.tag {
        let tag = list.bind(tag.clone());
        if walks_tag(filter) {
            list.read_from("product_tags t CROSS JOIN products p ON p.id = t.product_id");
            list.index_by(format!("t.tag = {tag}"));
        } else {
            list.filter_by(format!(
                "EXISTS (SELECT 1 FROM product_tags t WHERE t.product_id = p.id AND t.tag = {tag})"
            ));
        }
    }
    by_stock(&mut list, filter, order);
    let price = if order.key == "t.price" { "t.price" } else { "p.price" };
    if let Some(least) = filter.min_price {
        list.range(price, ">=", least);
    }
    if let Some(most) = filter.max_price {
        list.range(price, "<=", most);
    }
    Ok(list)
}

/// What is sold out is rare, what is archived too: the rarer condition picks the index.
fn by_stock(list: &mut ListBuilder, filter: &ProductFilter, order: ListOrder) {
    let by_key = matches!(order.key, "p.stock" | "t.stock");
    if filter.in_stock == Some(false) && !by_key {
        list.equals("p.in_stock", 0_i64);
    }
    if let Some(status) = filter.status {
        list.equals("p.status", status);
    }
    match filter.in_stock {
        Some(true) if by_key => list.range(order.key, ">", 0_i64),
        Some(false) if by_key => list.range(order.key, "<=", 0_i64),
        Some(true) => list.equals("p.in_stock", 1_i64),
        Some(false) | None => {}
    }
}

fn member(list: &mut ListBuilder, column: &str, values: &str) {
    if list.has_index() {
        list.filter_by(format!("+{column} IN ({values})"));
    } else {
        list.index_by(format!("{column} IN ({values})"));
    }
}

fn list(db: &Connection, query: &ProductQuery) -> Result<Page<Product>> {
    let list = filtered(&query.filter, query.sort, Some(&query.slice))?;
    page::read_page(db, &list, &query.slice, |id| find(db, id.into(), query.fields))
}

fn count(db: &Connection, filter: &ProductFilter) -> Result<u64> {
    let by_price = filter.min_price.is_some() || filter.max_price.is_some();
    let field = if by_price { ProductSort::Price } else { ProductSort::CreatedAt };
    page::count(db, &filtered(filter, Sort { field, direction: Direction::Asc }, None)?)
}

/// Sums up the lines of the orders of the period, found by when they were placed, and ranks the products on sale.
/// The `+` keeps the planner from walking all products of a status.
pub(super) static TRENDING: LazyLock<String> = LazyLock::new(|| {
    let unsold =
        quoted(OrderStatus::ALL.into_iter().filter(|status| !status.counts_as_sold()).map(OrderStatus::as_str));
    let on_sale =
        quoted(ProductStatus::ALL.into_iter().filter(|status| status.is_on_sale()).map(ProductStatus::as_str));
    format!(
        "SELECT sums.id AS id \
         FROM (SELECT i.product_id AS id, sum(i.quantity) AS units \
               FROM orders o CROSS JOIN order_items i ON i.order_row = o.row \
               WHERE o.placed_at >= (SELECT max(placed_at) FROM orders) - ?1 AND +o.status NOT IN ({unsold}) \
               GROUP BY i.product_id) sums \
         CROSS JOIN products p ON p.id = sums.id \
         WHERE +p.status IN ({on_sale}) ORDER BY sums.units DESC, sums.id LIMIT ?2"
    )
});

/// Names as an SQL list of texts; the names of statuses hold no quote.
fn quoted(names: impl Iterator<Item = &'static str>) -> String {
    names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

fn trending(db: &Connection, days: u32, limit: u32) -> Result<Vec<Product>> {
    let millis = i64::from(days) * 24 * 60 * 60 * 1000;
    let mut statement = db.prepare_cached(&TRENDING)?;
    let ids =
        statement.query_map(params![millis, limit], |row| row.get("id"))?.collect::<rusqlite::Result<Vec<_>>>()?;
    ids.into_iter().map(|id| find_whole(db, id)).collect()
}

#[async_trait]
impl ProductStore for SqliteStore {
    async fn products_by_ids(&self, ids: &[ProductId]) -> Result<Vec<Option<Product>>> {
        let ids = ids.to_vec();
        self.read(move |db| ids.into_iter().map(|id| find(db, id, ProductFields::ALL)).collect()).await
    }

    async fn products_by_skus(&self, skus: &[String]) -> Result<Vec<Option<Product>>> {
        let skus = skus.to_vec();
        self.read(move |db| {
            let mut by_sku =
                db.prepare_cached(&format!("SELECT {COLUMNS}, description FROM products WHERE sku = ?1"))?;
            skus.iter().map(|sku| Ok(by_sku.query_row([sku], product_from_row).optional()?)).collect()
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

    async fn trending_products(&self, days: u32, limit: u32) -> Result<Vec<Product>> {
        self.read(move |db| trending(db, days, limit)).await
    }

    async fn insert_product(&self, product: Product, stamp: Stamp) -> Result<Committed<Product>> {
        self.write(move |db| insert(db, product, stamp)).await
    }

    async fn update_product(
        &self,
        id: ProductId,
        changes: ProductChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Committed<Product>> {
        self.write(move |db| update(db, id, changes, expected_version, stamp)).await
    }

    async fn adjust_stock(&self, adjustment: StockAdjustment, stamp: Stamp) -> Result<Committed<Product>> {
        self.write(move |db| adjust_stock(db, adjustment, stamp)).await
    }
}
