//! Orders, with their lines and history in tables of their own.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    event, idempotency,
    list::{Cursors, KeyType, ListBuilder, ListOrder},
    metadata::{self, WithMetadata},
    page, product,
    read_limit::loaded,
    row::{NamedRow, blob_columns, columns_of, named, text_columns},
    store::SqliteStore,
    user,
    writer::Written,
};
use crate::{
    domain::{
        Direction, HistoryEntry, Idempotency, Metadata, MetadataChange, NewOrder, Order, OrderFields, OrderFilter,
        OrderId, OrderItem, OrderSort, OrderStatus, Page, Refusal, Slice, Sort, Stamp, StatusChange,
    },
    storage::{Moved, OrderQuery, OrderStore, Placed, Result, StoreError},
};

blob_columns!(OrderId);
text_columns!(OrderStatus);

pub(super) const COLUMNS: &str = "id, number, region, customer, total, currency, status, payment_reference, version, placed_at, \
                       created_at, updated_at, metadata";
const ITEM_COLUMNS: &str = "product_id, sku, name, quantity, unit_price, line_total";
const HISTORY_COLUMNS: &str = "event, from_status, to_status, actor, reason, at";

/// An order without its items and history, and the number of the row by which these refer to it.
pub(super) fn order_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<(Order, i64)> {
    let order = Order {
        id: row.get("id")?,
        number: row.get("number")?,
        region: row.get("region")?,
        customer: row.get("customer")?,
        items: Vec::new(),
        total: row.get("total")?,
        currency: row.get("currency")?,
        status: row.get("status")?,
        history: Vec::new(),
        payment_reference: row.get("payment_reference")?,
        version: row.get("version")?,
        placed_at: row.get("placed_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        metadata: metadata::from_row(row)?,
    };
    Ok((order, row.get("row")?))
}

fn item_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<OrderItem> {
    Ok(OrderItem {
        product: row.get("product_id")?,
        sku: row.get("sku")?,
        name: row.get("name")?,
        quantity: row.get("quantity")?,
        unit_price: row.get("unit_price")?,
        line_total: row.get("line_total")?,
    })
}

fn history_entry_from_row(row: &mut NamedRow<'_, '_>) -> rusqlite::Result<HistoryEntry> {
    Ok(HistoryEntry {
        event: row.get("event")?,
        from: row.get("from_status")?,
        to: row.get("to_status")?,
        actor: row.get("actor")?,
        reason: row.get("reason")?,
        at: row.get("at")?,
    })
}

fn find(db: &Connection, id: OrderId, fields: OrderFields) -> Result<Option<Order>> {
    let sql = format!("SELECT {COLUMNS}, row FROM orders WHERE id = ?1");
    let found = db.prepare_cached(&sql)?.query_row([id], named(order_from_row)).optional()?;
    found.map(|(order, row)| complete(db, order, row, fields)).transpose()
}

pub(super) fn complete(db: &Connection, order: Order, row: i64, fields: OrderFields) -> Result<Order> {
    let mut order = order;
    if fields.items {
        let sql = format!("SELECT {ITEM_COLUMNS} FROM order_items WHERE order_row = ?1 ORDER BY line");
        order.items =
            db.prepare_cached(&sql)?.query_map([row], named(item_from_row))?.collect::<rusqlite::Result<_>>()?;
    }
    if fields.history {
        let sql = format!("SELECT {HISTORY_COLUMNS} FROM order_history WHERE order_row = ?1 ORDER BY step");
        order.history = db
            .prepare_cached(&sql)?
            .query_map([row], named(history_entry_from_row))?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(loaded(order, Order::memory)?)
}

/// Adds the order unless its id is stored already; returns whether it was added.
pub(super) fn insert_new(db: &Connection, order: &Order) -> Result<bool> {
    let inserted = db
        .prepare_cached(&format!(
            "INSERT INTO orders ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT (id) DO NOTHING"
        ))?
        .execute(params![
            order.id,
            order.number,
            order.region,
            order.customer,
            order.total,
            order.currency,
            order.status,
            order.payment_reference,
            order.version,
            order.placed_at,
            order.created_at,
            order.updated_at,
            metadata::column(&order.metadata)?,
        ])?;
    if inserted == 0 {
        return Ok(false);
    }
    let row = db.last_insert_rowid();
    index_metadata(db, order, &Metadata::default())?;
    let mut insert_item = db.prepare_cached(&format!(
        "INSERT INTO order_items (order_row, line, {ITEM_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ))?;
    for (line, item) in order.items.iter().enumerate() {
        insert_item.execute(params![
            row,
            line as i64,
            item.product,
            item.sku,
            item.name,
            item.quantity,
            item.unit_price,
            item.line_total,
        ])?;
    }
    for (step, entry) in order.history.iter().enumerate() {
        insert_history(db, row, step, entry)?;
    }
    Ok(true)
}

fn index_metadata(db: &Connection, order: &Order, old: &Metadata) -> Result<()> {
    metadata::index(db, WithMetadata::Orders, order.id.to_bytes(), old, &order.metadata)
}

fn insert_history(db: &Connection, row: i64, step: usize, entry: &HistoryEntry) -> Result<()> {
    db.prepare_cached(&format!(
        "INSERT INTO order_history (order_row, step, {HISTORY_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ))?
    .execute(params![
        row,
        step as i64,
        entry.event,
        entry.from,
        entry.to,
        entry.actor,
        entry.reason,
        entry.at
    ])?;
    Ok(())
}

fn place(db: &Connection, new: NewOrder, key: &Idempotency, stamp: Stamp) -> Result<Written<Placed>> {
    user::check_session(db, stamp)?;
    if let Some(id) = idempotency::replay(db, key)? {
        let order = find(db, id.into(), OrderFields::ALL)?;
        let order = order.ok_or_else(|| StoreError::internal("the order of an idempotency key is missing"))?;
        return Ok(Written::unchanged(Placed::replayed(order)));
    }
    let products = product::find_all(db, new.product_ids())?;
    let change = new.place(&products, stamp)?;
    product::save_stock(db, change.products())?;
    let (order, drafts) = change.record();
    if !insert_new(db, &order)? {
        return Err(StoreError::internal(format!("the id {} is used already", order.id)));
    }
    idempotency::insert(db, key, order.id.ulid())?;
    let placed = Placed::new(order, &drafts);
    Ok(Written { value: placed, events: event::append_events(db, drafts)? })
}

fn change_status(db: &Connection, change: StatusChange, stamp: Stamp) -> Result<Written<Moved>> {
    user::check_permission(db, stamp)?;
    let order = find(db, change.order, OrderFields::ALL)?.ok_or(Refusal::NotFound)?;
    let earlier_steps = order.history.len();
    let step = order.step(change, stamp)?;
    let products = product::find_all(db, step.product_ids())?;
    let change = step.restock(products)?;
    product::save_stock(db, change.products())?;
    let (order, drafts) = change.record();
    let row: i64 = db
        .prepare_cached("UPDATE orders SET status = ?2, version = ?3, updated_at = ?4 WHERE id = ?1 RETURNING row")?
        .query_row(params![order.id, order.status, order.version, order.updated_at], |row| row.get("row"))?;
    for (step, entry) in order.history.iter().enumerate().skip(earlier_steps) {
        insert_history(db, row, step, entry)?;
    }
    let moved = Moved::new(order, &drafts);
    Ok(Written { value: moved, events: event::append_events(db, drafts)? })
}

fn update_metadata(
    db: &Connection,
    id: OrderId,
    change: &MetadataChange,
    expected_version: Option<i32>,
    stamp: Stamp,
) -> Result<Written<Order>> {
    user::check_permission(db, stamp)?;
    let order = find(db, id, OrderFields::ALL)?.ok_or(Refusal::NotFound)?;
    let Some(changed) = order.update_metadata(change, expected_version, stamp)? else {
        return Ok(Written::unchanged(order));
    };
    let new = &changed.value;
    db.prepare_cached("UPDATE orders SET metadata = ?2, version = ?3, updated_at = ?4 WHERE id = ?1")?
        .execute(params![new.id, metadata::column(&new.metadata)?, new.version, new.updated_at])?;
    index_metadata(db, new, &order.metadata)?;
    event::record(db, changed, stamp)
}

/// The list of the orders that pass `filter`.
pub(super) fn filtered(filter: &OrderFilter, sort: Sort<OrderSort>, slice: Option<&Slice>) -> ListBuilder {
    let key = match sort.field {
        OrderSort::PlacedAt => "o.placed_at",
        OrderSort::Total => "o.total",
    };
    let cursors = slice.map_or_else(Cursors::default, |slice| Cursors::for_slice(slice, sort.direction));
    let order = ListOrder { key, key_type: KeyType::Int, id: "o.id", direction: sort.direction };
    let mut list = ListBuilder::new("orders o", order, cursors);
    if let Some(customer) = filter.customer {
        list.equals("o.customer", customer);
    }
    if let Some(product) = filter.product {
        let product = list.bind(product);
        let lines = format!("FROM order_items i WHERE i.product_id = {product}");
        if list.has_index() {
            list.filter_by(format!("EXISTS (SELECT 1 {lines} AND i.order_row = o.row)"));
        } else {
            let hits = format!("SELECT DISTINCT i.order_row AS row {lines}");
            list.start_from_hits("hits CROSS JOIN orders o ON o.row = hits.row", &hits);
        }
    }
    if let Some(metadata) = &filter.metadata {
        metadata::filter(&mut list, WithMetadata::Orders, metadata);
    }
    // An index serves status and region together; the status comes first in it.
    let region = filter.region.as_ref().map(|region| list.bind(region.clone()));
    let region = region.map(|region| format!("{}o.region = {region}", if list.has_index() { "+" } else { "" }));
    match (region, &filter.statuses) {
        (region, Some(statuses)) => {
            list.is_one_of("o.status", statuses);
            region.into_iter().for_each(|region| list.filter_by(region));
        }
        (Some(region), None) => list.index_by(region),
        (None, None) => {}
    }
    if let Some(from) = filter.placed_after {
        list.range("o.placed_at", ">=", from);
    }
    if let Some(before) = filter.placed_before {
        list.range("o.placed_at", "<", before);
    }
    list
}

/// The columns of an order in a list.
pub(super) fn list_columns() -> String {
    columns_of("o", &format!("{COLUMNS}, row"))
}

fn list(db: &Connection, query: &OrderQuery) -> Result<Page<Order>> {
    let list = filtered(&query.filter, query.sort, Some(&query.slice));
    let mut read = named(order_from_row);
    page::read_page(db, &list, &list_columns(), &query.slice, |row| {
        let (order, row) = read(row)?;
        complete(db, order, row, query.fields)
    })
}

fn count(db: &Connection, filter: &OrderFilter) -> Result<u64> {
    let sort = Sort { field: OrderSort::PlacedAt, direction: Direction::Asc };
    page::count(db, &filtered(filter, sort, None))
}

#[async_trait]
impl OrderStore for SqliteStore {
    async fn orders_by_ids(&self, ids: &[OrderId]) -> Result<Vec<Option<Order>>> {
        let ids = ids.to_vec();
        self.read(move |db| ids.into_iter().map(|id| find(db, id, OrderFields::ALL)).collect()).await
    }

    async fn orders_by_numbers(&self, numbers: &[String]) -> Result<Vec<Option<Order>>> {
        let numbers = numbers.to_vec();
        self.read(move |db| {
            let mut by_number = db.prepare_cached(&format!("SELECT {COLUMNS}, row FROM orders WHERE number = ?1"))?;
            let mut read = named(order_from_row);
            let found = numbers.iter().map(|number| {
                let found = by_number.query_row([number], &mut read).optional()?;
                found.map(|(order, row)| complete(db, order, row, OrderFields::ALL)).transpose()
            });
            found.collect()
        })
        .await
    }

    async fn list_orders(&self, queries: &[OrderQuery]) -> Result<Vec<Page<Order>>> {
        let queries = queries.to_vec();
        self.read(move |db| queries.iter().map(|query| list(db, query)).collect()).await
    }

    async fn count_orders(&self, filters: &[OrderFilter]) -> Result<Vec<u64>> {
        let filters = filters.to_vec();
        self.read(move |db| filters.iter().map(|filter| count(db, filter)).collect()).await
    }

    async fn place_order(&self, order: NewOrder, idempotency: Idempotency, stamp: Stamp) -> Result<Placed> {
        self.change(move |db| place(db, order, &idempotency, stamp)).await
    }

    async fn change_order_status(&self, change: StatusChange, stamp: Stamp) -> Result<Moved> {
        self.change(move |db| change_status(db, change, stamp)).await
    }

    async fn update_order_metadata(
        &self,
        id: OrderId,
        change: MetadataChange,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Order> {
        self.change(move |db| update_metadata(db, id, &change, expected_version, stamp)).await
    }
}
