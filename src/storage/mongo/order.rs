//! Orders, each a document with its lines and history inside. [`super::order_queue`] places them.

use async_trait::async_trait;
use bson::{Document, RawArrayBuf, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::{raw_document, read_fields, stored_by_text, stored_ids},
    collections::TERMS,
    filter::{Filter, Index},
    metadata,
    order_keys::OrderKey,
    read::in_request_order,
    scan::{Listing, SortBy},
    store::{Inner, MongoStore},
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::*,
    storage::{Moved, OrderQuery, OrderStore, Placed, Result, StoreError},
};

stored_ids!(OrderId);
stored_by_text!(OrderStatus);

pub(super) fn encode(order: &Order) -> RawDocumentBuf {
    let mut document = raw_document! {
        "_id": order.id, "number": order.number, "region": order.region, "customer": order.customer,
        "total": order.total, "currency": order.currency, "status": order.status,
        "payment_reference": order.payment_reference, "version": order.version, "placed_at": order.placed_at,
        "created_at": order.created_at, "updated_at": order.updated_at,
    };
    metadata::append(&mut document, &order.metadata);
    document.append(bson::raw::cstr!("items"), order.items.iter().map(encode_item).collect::<RawArrayBuf>());
    document.append(bson::raw::cstr!("history"), order.history.iter().map(encode_entry).collect::<RawArrayBuf>());
    document
}

fn encode_item(item: &OrderItem) -> RawDocumentBuf {
    raw_document! {
        "product": item.product, "sku": item.sku, "name": item.name, "quantity": item.quantity,
        "unit_price": item.unit_price, "line_total": item.line_total,
    }
}

fn encode_entry(entry: &HistoryEntry) -> RawDocumentBuf {
    raw_document! {
        "event": entry.event, "from": entry.from, "to": entry.to, "actor": entry.actor, "reason": entry.reason,
        "at": entry.at,
    }
}

/// The order of a document that was read whole.
pub(super) fn decode(document: &RawDocument) -> Result<Order> {
    decode_fields(document, OrderFields::ALL)
}

/// The order of a document that was read with [`projection`].
fn decode_fields(document: &RawDocument, fields: OrderFields) -> Result<Order> {
    read_fields!(document,
        id: "_id", number: "number", region: "region", customer: "customer", total: "total", currency: "currency",
        status: "status", payment_reference: "payment_reference", version: "version", placed_at: "placed_at",
        created_at: "created_at", updated_at: "updated_at", items: "items", history: "history",
        public: "metadata", private: "private_metadata");
    Ok(Order {
        id: id.required()?,
        number: number.required()?,
        region: region.required()?,
        customer: customer.required()?,
        items: if fields.items { items.documents(decode_item)? } else { Vec::new() },
        total: total.required()?,
        currency: currency.required()?,
        status: status.required()?,
        history: if fields.history { history.documents(decode_entry)? } else { Vec::new() },
        payment_reference: payment_reference.optional()?,
        version: version.required()?,
        placed_at: placed_at.required()?,
        created_at: created_at.required()?,
        updated_at: updated_at.required()?,
        metadata: metadata::decode(public, private)?,
    })
}

fn decode_item(document: &RawDocument) -> Result<OrderItem> {
    read_fields!(document,
        product: "product", sku: "sku", name: "name", quantity: "quantity", unit_price: "unit_price",
        line_total: "line_total");
    Ok(OrderItem {
        product: product.required()?,
        sku: sku.required()?,
        name: name.required()?,
        quantity: quantity.required()?,
        unit_price: unit_price.required()?,
        line_total: line_total.required()?,
    })
}

fn decode_entry(document: &RawDocument) -> Result<HistoryEntry> {
    read_fields!(document, event: "event", from: "from", to: "to", actor: "actor", reason: "reason", at: "at");
    Ok(HistoryEntry {
        event: event.optional()?,
        from: from.optional()?,
        to: to.required()?,
        actor: actor.optional()?,
        reason: reason.optional()?,
        at: at.required()?,
    })
}

/// Leaves out the fields that are not asked for.
pub(super) fn projection(fields: OrderFields) -> Document {
    let mut projection = doc! { TERMS: 0 };
    if !fields.items {
        projection.insert("items", 0);
    }
    if !fields.history {
        projection.insert("history", 0);
    }
    projection
}

fn filter(filter: &OrderFilter) -> Filter {
    let mut condition = doc! {};
    let mut index = Index::Sorted("");
    let mut any_of = None;
    if let Some(statuses) = &filter.statuses {
        any_of = Some(("status", statuses.iter().map(|status| (*status).into()).collect()));
        index = Index::Sorted("status");
    }
    if let Some(region) = &filter.region {
        condition.insert("region", region);
        index = Index::Sorted("region");
    }
    if let Some(product) = filter.product {
        condition.insert("items.product", product);
        index = Index::Named("items.product_placed_at");
    }
    if let Some(metadata) = &filter.metadata {
        metadata::narrow(metadata, &mut condition, &mut index, true);
    }
    if let Some(customer) = filter.customer {
        condition.insert("customer", customer);
        index = Index::Sorted("customer");
    }
    let mut placed_at = doc! {};
    if let Some(after) = filter.placed_after {
        placed_at.insert("$gte", after);
    }
    if let Some(before) = filter.placed_before {
        placed_at.insert("$lt", before);
    }
    if !placed_at.is_empty() {
        condition.insert("placed_at", placed_at);
    }
    Filter::new(condition, any_of, index)
}

/// The filters of lists of a customer's orders that name no region.
fn of_customers<'f>(filters: impl Iterator<Item = (&'f OrderFilter, &'f mut Filter)>) -> Vec<(UserId, &'f mut Filter)> {
    filters
        .filter(|(asked, _)| asked.region.is_none())
        .filter_map(|(asked, filter)| Some((asked.customer?, filter)))
        .collect()
}

pub(super) fn listing(query: &OrderQuery) -> Listing<'_> {
    let key = match query.sort.field {
        OrderSort::PlacedAt => SortBy::Date("placed_at"),
        OrderSort::Total => SortBy::Field("total"),
    };
    Listing::new(query, filter(&query.filter), key, projection(query.fields))
}

#[async_trait]
impl OrderStore for MongoStore {
    async fn orders_by_ids(&self, ids: &[OrderId]) -> Result<Vec<Option<Order>>> {
        let found = self.0.replicas.read(|| self.0.orders(ids.to_vec())).await?;
        Ok(in_request_order(ids, found, |order| Some(order.id)))
    }

    async fn orders_by_numbers(&self, numbers: &[String]) -> Result<Vec<Option<Order>>> {
        let read = || async {
            let keys = self.0.order_keys(numbers.iter().cloned()).await?;
            self.0.orders_of(&keys).await
        };
        let found = self.0.replicas.read(read).await?;
        Ok(in_request_order(numbers, found, |order| Some(order.number.clone())))
    }

    async fn list_orders(&self, queries: &[OrderQuery]) -> Result<Vec<Page<Order>>> {
        let read = || async {
            let mut listings: Vec<_> = queries.iter().map(listing).collect();
            let filters =
                queries.iter().zip(&mut listings).map(|(query, listing)| (&query.filter, &mut listing.filter));
            self.0.add_regions(of_customers(filters)).await?;
            let decode = |query: usize, row: &RawDocument| {
                let node = decode_fields(row, queries[query].fields)?;
                Ok(Edge { position: queries[query].sort.field.position(&node), node })
            };
            self.0.list(&self.0.collections.orders, &listings, decode).await
        };
        self.0.replicas.read(read).await
    }

    async fn count_orders(&self, filters: &[OrderFilter]) -> Result<Vec<u64>> {
        let read = || async {
            let mut conditions: Vec<Filter> = filters.iter().map(filter).collect();
            self.0.add_regions(of_customers(filters.iter().zip(&mut conditions))).await?;
            let conditions = conditions.into_iter().map(|condition| (condition, "placed_at"));
            self.0.count(&self.0.collections.orders, conditions.collect()).await
        };
        self.0.replicas.read(read).await
    }

    async fn place_order(&self, order: NewOrder, idempotency: Idempotency, stamp: Stamp) -> Result<Placed> {
        self.0.place(order, idempotency, stamp).await
    }

    async fn change_order_status(&self, change: StatusChange, stamp: Stamp) -> Result<Moved> {
        self.0
            .transaction(move |transaction| {
                let change = change.clone();
                Box::pin(async move { transaction.change_status(change, stamp).await })
            })
            .await
    }

    async fn update_order_metadata(
        &self,
        id: OrderId,
        change: MetadataChange,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Order> {
        self.0
            .transaction(move |transaction| {
                let change = change.clone();
                Box::pin(async move { transaction.update_metadata(id, change, expected_version, stamp).await })
            })
            .await
    }
}

impl Inner {
    /// The whole orders with these ids, in no particular order.
    pub(super) async fn orders(&self, ids: Vec<OrderId>) -> Result<Vec<Order>> {
        if self.names_shard_keys {
            return self.orders_of(&self.order_keys(ids).await?).await;
        }
        self.find_by(&self.collections.orders, "_id", ids, doc! {}, decode).await
    }

    /// The whole orders with these keys, in no particular order.
    async fn orders_of(&self, keys: &[OrderKey]) -> Result<Vec<Order>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        // One more than can be found, so that one reply holds all rows and closes the cursor.
        let batch = u32::try_from(keys.len()).unwrap_or(u32::MAX).saturating_add(1);
        let find = self.collections.orders.find(self.among_orders(keys)).batch_size(batch);
        self.find_rows(find, decode).await
    }
}

impl Transaction {
    async fn change_status(&mut self, change: StatusChange, stamp: Stamp) -> TransactionResult<Moved> {
        self.check_permission(stamp).await?;
        let orders = self.store.collections.orders.clone();
        let condition = self.order_condition(change.order).await?;
        let order = self.find_one(&orders, condition, decode).await?;
        let step = order.step(change, stamp)?;
        let products = self.products(step.product_ids()).await?;
        let change = step.restock(products)?;
        self.set_stock(change.products()).await?;
        let (order, drafts) = change.record();
        self.save_step(&order).await?;
        self.append_events(&drafts).await?;
        Ok(Moved::new(order, &drafts))
    }

    async fn update_metadata(
        &mut self,
        id: OrderId,
        change: MetadataChange,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> TransactionResult<Order> {
        self.check_permission(stamp).await?;
        let orders = self.store.collections.orders.clone();
        let condition = self.order_condition(id).await?;
        let order = self.find_one(&orders, condition, decode).await?;
        let Some(changed) = order.update_metadata(&change, expected_version, stamp)? else { return Ok(order) };
        let new = &changed.value;
        let update = metadata::update(&new.metadata, doc! { "version": new.version, "updated_at": new.updated_at });
        let condition = self.store.among_orders(&[OrderKey::of(new)]);
        self.update_each(&orders, [(condition, update)]).await?;
        self.record(changed, stamp).await
    }

    /// Saves what a step changes of an order: its status and version, and the newest entry of its history.
    async fn save_step(&mut self, order: &Order) -> TransactionResult<()> {
        let newest = order.history.last();
        let newest = newest.ok_or_else(|| StoreError::internal(format!("{} has no history", order.id)))?;
        let entry: Document = encode_entry(newest).try_into().map_err(StoreError::internal)?;
        let update = doc! {
            "$set": { "status": order.status, "version": order.version, "updated_at": order.updated_at },
            "$push": { "history": entry },
        };
        let orders = self.store.collections.orders.clone();
        let condition = self.store.among_orders(&[OrderKey::of(order)]);
        self.update_each(&orders, [(condition, update)]).await
    }
}
