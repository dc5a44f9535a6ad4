//! Orders through the cache.

use std::sync::Arc;

use async_trait::async_trait;
use ulid::Ulid;

use super::{
    cache::NearCache,
    cached::{Cached, Named, Query},
    change::{Change, ChangeList},
    key::{Key, Value},
    new_orders::newest_of,
    sources::{ById, ByName, Counts, Pages},
};
use crate::{
    domain::{
        Idempotency, MetadataChange, NewOrder, Order, OrderFields, OrderFilter, OrderId, OrderSort, Page, Stamp,
        StatusChange, Timestamp, UserId,
    },
    storage::{Moved, OrderQuery, OrderStore, Placed, Result, Store},
    telemetry::metrics::CacheName,
};

#[async_trait]
impl Cached for Order {
    type Id = OrderId;
    type Filter = OrderFilter;
    type Sort = OrderSort;
    type Fields = OrderFields;

    const NAME: CacheName = CacheName::Orders;
    const WHOLE: OrderFields = OrderFields::ALL;
    const FIELDS: &[OrderFields] = &[
        OrderFields::ALL,
        OrderFields { items: true, history: false },
        OrderFields { items: false, history: true },
        OrderFields { items: false, history: false },
    ];
    const CHANGES: &[Change] = &[Change::Orders, Change::Statuses];
    const IS_DELETED: bool = false;
    const SHARED_AS: Option<&'static str> = Some("order");

    fn id(&self) -> OrderId {
        self.id
    }

    fn version(&self) -> (i32, Timestamp) {
        (self.version, self.updated_at)
    }

    fn bytes(&self) -> usize {
        self.memory()
    }

    fn key(id: OrderId, fields: OrderFields) -> Key {
        Key::Order(id, fields)
    }

    fn change(id: OrderId) -> Change {
        Change::Order(id)
    }

    fn value(order: Arc<Self>) -> Value {
        Value::Order(order)
    }

    fn from_value(value: &Value) -> Option<&Arc<Self>> {
        if let Value::Order(order) = value { Some(order) } else { None }
    }

    fn with_fields(&self, OrderFields { items, history }: OrderFields) -> Self {
        Self {
            number: self.number.clone(),
            region: self.region.clone(),
            items: if items { self.items.clone() } else { Vec::new() },
            history: if history { self.history.clone() } else { Vec::new() },
            payment_reference: self.payment_reference.clone(),
            metadata: self.metadata.clone(),
            ..*self
        }
    }

    fn page_key(query: Query<Self>) -> Key {
        Key::Orders(Box::new(query))
    }

    fn newest_of(query: &Query<Self>) -> Option<(UserId, usize)> {
        newest_of(query)
    }

    fn stays_listed(filter: &OrderFilter) -> bool {
        filter.statuses.is_none() && filter.metadata.is_none()
    }

    fn count_key(filter: OrderFilter) -> Key {
        Key::OrderCount(Box::new(filter))
    }

    fn count_depends_on(filter: &OrderFilter) -> ChangeList {
        Change::of_order_list(filter)
    }

    async fn by_ids(engine: &dyn Store, ids: &[OrderId]) -> Result<Vec<Option<Self>>> {
        engine.orders_by_ids(ids).await
    }

    async fn pages(engine: &dyn Store, queries: &[Query<Self>]) -> Result<Vec<Page<Self>>> {
        engine.list_orders(queries).await
    }

    async fn counts(engine: &dyn Store, filters: &[OrderFilter]) -> Result<Vec<u64>> {
        engine.count_orders(filters).await
    }
}

#[async_trait]
impl Named for Order {
    const KEEPS_NAME: bool = true;

    fn ulid(&self) -> Ulid {
        self.id.ulid()
    }

    fn has_name(&self, number: &str) -> bool {
        self.number == number
    }

    fn name_key(number: String) -> Key {
        Key::OrderNumber(number)
    }

    async fn by_names(engine: &dyn Store, numbers: &[String]) -> Result<Vec<Option<Self>>> {
        engine.orders_by_numbers(numbers).await
    }
}

#[async_trait]
impl OrderStore for NearCache {
    async fn orders_by_ids(&self, ids: &[OrderId]) -> Result<Vec<Option<Order>>> {
        self.read::<ById<Order>>(ids).await
    }

    async fn orders_by_numbers(&self, numbers: &[String]) -> Result<Vec<Option<Order>>> {
        self.read::<ByName<Order>>(numbers).await
    }

    async fn list_orders(&self, queries: &[OrderQuery]) -> Result<Vec<Page<Order>>> {
        self.read::<Pages<Order>>(queries).await
    }

    async fn count_orders(&self, filters: &[OrderFilter]) -> Result<Vec<u64>> {
        self.read::<Counts<Order>>(filters).await
    }

    async fn place_order(&self, order: NewOrder, idempotency: Idempotency, stamp: Stamp) -> Result<Placed> {
        let began = self.read_begins();
        let placed = self.inner().place_order(order, idempotency, stamp).await?;
        let order = &placed.order;
        let mut own = self.own_write(began, stamp);
        own.placed(order, placed.replayed);
        placed.products.iter().for_each(|product| own.stock(product));
        if placed.replayed {
            // Another node may have placed the order, and it may have another status by now.
            own.unknown(order.items.iter().map(|item| Change::Product(item.product)));
            own.unknown(Change::with_status(order).into_iter().chain([Change::Stock]));
        }
        drop(own);
        Ok(placed)
    }

    async fn change_order_status(&self, change: StatusChange, stamp: Stamp) -> Result<Moved> {
        let began = self.read_begins();
        let moved = self.inner().change_order_status(change, stamp).await?;
        let mut own = self.own_write(began, stamp);
        own.entity(&Arc::new(moved.order.clone()), &Change::with_status(&moved.order));
        moved.products.iter().for_each(|product| own.stock(product));
        drop(own);
        Ok(moved)
    }

    async fn update_order_metadata(
        &self,
        id: OrderId,
        change: MetadataChange,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Order> {
        let began = self.read_begins();
        let order = self.inner().update_order_metadata(id, change, expected_version, stamp).await?;
        let mut own = self.own_write(began, stamp);
        let lists = [Change::with_new_order(&order), Change::with_status(&order)].concat();
        own.entity(&Arc::new(order.clone()), &lists);
        drop(own);
        Ok(order)
    }
}
