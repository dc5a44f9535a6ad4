//! What leads to an order: its number, its id and its customer. They are in one collection, `order_keys`:
//!
//! - `{ _id: NUMBER, order: ID, region, customer }` and the same with the id as `_id`, for each order. They never change,
//!   and a number that is there is taken.
//! - `{ _id: CUSTOMER, regions: [REGION…] }`, with every region that an order of the customer went to.
//!
//! Orders are sharded by region, customer and id, so that a command has to name the region to go to one shard. On a
//! replica set, orders are found by their ids, and those of a customer by an index, without these documents.
//!
//! Decision: `docs/decisions/0020-shard-keys.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::{Bson, Document, RawDocument, doc};
use mongodb::error::{Error, ErrorKind, WriteError, WriteFailure};

use super::{
    codec::read_fields,
    filter::{Filter, one_of},
    read::collect_rows,
    store::Inner,
    transaction::{Transaction, TransactionResult, fail},
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
        let mut batches = find.session(&mut self.session).batch().await?;
        let keys = collect_rows(batches.stream(&mut self.session), OrderKey::decode).await?;
        if keys.is_empty() { fail(Refusal::NotFound) } else { Ok(self.store.among_orders(&keys)) }
    }

    /// Stores what leads to new orders, in one round trip. Refuses a number that another order has.
    pub(super) async fn insert_order_keys(&mut self, orders: &[&Order]) -> TransactionResult<()> {
        if orders.is_empty() {
            return Ok(());
        }
        let mut regions: BTreeMap<UserId, BTreeSet<&str>> = BTreeMap::new();
        for order in orders {
            regions.entry(order.customer).or_default().insert(&order.region);
        }
        let mut updates: Vec<Document> = orders.iter().copied().flat_map(new_keys).collect();
        let new = updates.len();
        updates.extend(regions.into_iter().map(|(customer, regions)| new_regions(customer, regions)));
        let command = doc! { "update": self.store.collections.order_keys.name(), "updates": updates };
        let mut reply = self.store.database.run_command(command).session(&mut self.session).await?;
        if let Ok(errors) = reply.get_array_mut("writeErrors") {
            return Err(first_error(std::mem::take(errors))?.into());
        }
        // What was there already is not in this list.
        let upserted = reply.get_array("upserted").map(Vec::as_slice).unwrap_or_default();
        let place = |upserted: &Bson| upserted.as_document().and_then(|document| document.get_i32("index").ok());
        let places = upserted.iter().filter_map(place).filter(|place| usize::try_from(*place).is_ok_and(|at| at < new));
        if places.count() == new { Ok(()) } else { fail(Refusal::Duplicate(UniqueKey::OrderNumber)) }
    }
}

/// The updates that add the documents of an order's number and id if they are not there.
fn new_keys(order: &Order) -> [Document; 2] {
    [Bson::from(&order.number), order.id.into()].map(|name| {
        let key = doc! { "order": order.id, "region": &order.region, "customer": order.customer };
        doc! { "q": { "_id": name }, "u": { "$setOnInsert": key }, "upsert": true }
    })
}

/// The update that adds regions to those of a customer, of which one more than are used is kept. It changes nothing if
/// they are there.
fn new_regions(customer: UserId, regions: BTreeSet<&str>) -> Document {
    let regions: Vec<Document> = regions.into_iter().map(|region| doc! { "$literal": region }).collect();
    let union = doc! { "$setUnion": [{ "$ifNull": ["$regions", []] }, regions] };
    let kept = doc! { "$slice": [union, MAX_REGIONS as i32 + 1] };
    doc! { "q": { "_id": customer }, "u": [{ "$set": { "regions": kept } }], "upsert": true }
}

/// The first of the errors in the reply to an update.
fn first_error(errors: Vec<Bson>) -> Result<Error> {
    let first = errors.into_iter().next().ok_or_else(|| StoreError::internal("an update failed without an error"))?;
    let error: WriteError = bson::deserialize_from_bson(first).map_err(StoreError::internal)?;
    Ok(ErrorKind::Write(WriteFailure::WriteError(error)).into())
}
