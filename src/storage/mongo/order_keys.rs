//! What leads to an order: its number, its id and its customer. They are in one collection, `order_keys`:
//!
//! - `{ _id: NUMBER, order: ID, region, customer }` for each order. It never changes, and a number that is there is taken.
//! - On a sharded cluster, the same with the id as `_id`, and `{ _id: CUSTOMER, regions: [REGION…] }`, with every region
//!   that an order of the customer went to.
//!
//! Orders are sharded by region, customer and id, so that a command has to name the region to go to one shard. On a
//! replica set, orders are found by their ids, and those of a customer by an index. The first start on a router adds what a
//! replica set did without ([`super::carry_over::complete_order_keys`]).
//!
//! Decision: `docs/decisions/0022-shard-keys.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use super::{
    codec::read_fields,
    error::duplicate_index,
    filter::{Filter, one_of},
    read::{TimedRead, collect_rows},
    store::Inner,
    transaction::{Transaction, TransactionError, TransactionResult, fail},
};
use crate::{
    domain::{Order, OrderId, Refusal, UniqueKey, UserId},
    storage::{Result, StoreError},
};

/// The most regions of a customer that are kept. The orders of one with more are looked for on all shards.
const MAX_REGIONS: usize = 100;

/// The shard key of an order.
pub(super) struct OrderKey {
    pub(super) order: OrderId,
    pub(super) region: String,
    pub(super) customer: UserId,
}

impl OrderKey {
    pub(super) fn of(order: &Order) -> Self {
        Self { order: order.id, region: order.region.clone(), customer: order.customer }
    }

    fn decode(document: &RawDocument) -> Result<Self> {
        read_fields!(document, order: "order", region: "region", customer: "customer");
        Ok(Self { order: order.required()?, region: region.required()?, customer: customer.required()? })
    }
}

impl Inner {
    /// The keys of the orders with these numbers or ids, in no order.
    pub(super) async fn order_keys(&self, names: impl IntoIterator<Item = impl Into<Bson>>) -> Result<Vec<OrderKey>> {
        self.find_by(&self.collections.order_keys, "_id", names, doc! {}, OrderKey::decode).await
    }

    /// The condition that finds these orders, on a sharded cluster with their shard keys.
    pub(super) fn among_orders(&self, keys: &[OrderKey]) -> Document {
        let mut condition = doc! { "_id": one_of(keys.iter().map(|key| key.order.into()).collect()) };
        if self.names_shard_keys {
            let regions: BTreeSet<&str> = keys.iter().map(|key| &*key.region).collect();
            let customers: BTreeSet<UserId> = keys.iter().map(|key| key.customer).collect();
            condition.insert("region", one_of(regions.into_iter().map(Bson::from).collect()));
            condition.insert("customer", one_of(customers.into_iter().map(Bson::from).collect()));
        }
        condition
    }

    /// On a sharded cluster, adds the regions to the filters of a customer's orders.
    pub(super) async fn add_regions(&self, filters: Vec<(UserId, &mut Filter)>) -> Result<()> {
        if !self.names_shard_keys {
            return Ok(());
        }
        let customers: BTreeSet<UserId> = filters.iter().map(|(customer, _)| *customer).collect();
        let found = self.find_by(&self.collections.order_keys, "_id", customers, doc! {}, |document| {
            read_fields!(document, customer: "_id", regions: "regions");
            Ok((customer.required::<UserId>()?, regions.required::<Vec<String>>()?))
        });
        let regions: HashMap<UserId, Vec<String>> = found.await?.into_iter().collect();
        for (customer, filter) in filters {
            let regions = regions.get(&customer).map(Vec::as_slice).unwrap_or_default();
            if regions.len() <= MAX_REGIONS {
                filter.condition.insert("region", one_of(regions.iter().map(Bson::from).collect()));
            }
        }
        Ok(())
    }
}

impl Transaction {
    /// The condition that finds the order with this id, or `NotFound`.
    pub(super) async fn order_condition(&mut self, order: OrderId) -> TransactionResult<Document> {
        if !self.store.names_shard_keys {
            return Ok(doc! { "_id": order });
        }
        let find = self.store.collections.order_keys.find(doc! { "_id": order }).batch_size(2);
        let mut batches = find.session(&mut self.session).timed_batch().await?;
        let keys = collect_rows(batches.stream(&mut self.session), OrderKey::decode).await?;
        if keys.is_empty() { fail(Refusal::NotFound) } else { Ok(self.store.among_orders(&keys)) }
    }

    /// Stores what leads to new orders. Refuses a number that another order has.
    pub(super) async fn insert_order_keys(&mut self, orders: &[&Order]) -> TransactionResult<()> {
        let routed = self.store.names_shard_keys;
        let collection = self.store.collections.order_keys.clone();
        let names = |order: &Order| {
            let id = routed.then(|| order.id.into());
            [Some(Bson::from(&order.number)), id].into_iter().flatten()
        };
        let keys = orders.iter().flat_map(|order| names(order).map(|name| encode(name, order)));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        match self.insert(&collection, keys).await {
            Err(TransactionError::Driver(error)) if duplicate_index(&error).is_some() => {
                return fail(Refusal::Duplicate(UniqueKey::OrderNumber));
            }
            inserted => inserted?,
        }
        if routed { self.add_regions_of(orders).await } else { Ok(()) }
    }

    /// Adds the regions of orders to those of their customers.
    async fn add_regions_of(&mut self, orders: &[&Order]) -> TransactionResult<()> {
        let mut regions: BTreeMap<UserId, BTreeSet<&str>> = BTreeMap::new();
        for order in orders {
            regions.entry(order.customer).or_default().insert(&order.region);
        }
        let updates: Vec<Document> =
            regions.into_iter().map(|(customer, regions)| new_regions(customer, regions)).collect();
        let collection = self.store.collections.order_keys.clone();
        self.run_updates(&collection, updates).await
    }
}

fn encode(name: Bson, order: &Order) -> Result<RawDocumentBuf> {
    let key = doc! { "_id": name, "order": order.id, "region": &order.region, "customer": order.customer };
    RawDocumentBuf::try_from(&key).map_err(StoreError::internal)
}

/// The update that adds regions to those of a customer, of which one more than are used is kept. It changes nothing if
/// they are there.
fn new_regions(customer: UserId, regions: BTreeSet<&str>) -> Document {
    let regions: Vec<Document> = regions.into_iter().map(|region| doc! { "$literal": region }).collect();
    let union = doc! { "$setUnion": [{ "$ifNull": ["$regions", []] }, regions] };
    let kept = doc! { "$slice": [union, MAX_REGIONS as i32 + 1] };
    doc! { "q": { "_id": customer }, "u": [{ "$set": { "regions": kept } }], "upsert": true }
}
