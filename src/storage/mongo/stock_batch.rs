//! The orders of one transaction, decided one after the other: each is decided by the stock and the used keys that the
//! orders before it leave.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::doc;

use super::{
    idempotency::{KeyName, name_of},
    order,
    order_queue::PlaceRequest,
    product,
    transaction::{Transaction, TransactionResult},
};
use crate::{
    domain::{OrderChange, OrderId, Product, ProductId, Refusal, Seq, UsedKey},
    storage::{Committed, Placed, Result, StoreError},
};

/// What became of one order of a transaction.
pub(super) enum Outcome {
    Placed(Box<Committed<Placed>>),
    Replayed(OrderId),
}

/// The stock and the used keys, as the orders decided so far leave them.
struct StockBatch {
    products: HashMap<ProductId, Product>,
    used_keys: HashMap<KeyName, UsedKey>,
}

/// The decision about one order.
enum Decision {
    Place(Box<OrderChange>),
    Replay(OrderId),
}

impl StockBatch {
    fn decide(&mut self, request: &PlaceRequest) -> std::result::Result<Decision, Refusal> {
        let PlaceRequest { order, idempotency, stamp } = request;
        let key = name_of(idempotency);
        if let Some(used) = self.used_keys.get(&key) {
            return Ok(Decision::Replay(idempotency.replay(used)?.into()));
        }
        let change = order.clone().place(&self.products, *stamp)?;
        self.products.extend(change.products().iter().map(|product| (product.id, product.clone())));
        self.used_keys.insert(key, idempotency.used_for(change.order_id().ulid()));
        Ok(Decision::Place(Box::new(change)))
    }
}

impl Transaction {
    /// Decides every request and writes the orders that are placed.
    pub(super) async fn place(&mut self, requests: &[PlaceRequest]) -> TransactionResult<Vec<Result<Outcome>>> {
        let used_keys = self.find_used_keys(requests.iter().map(|request| &request.idempotency)).await?;
        let products = self.products(requests.iter().flat_map(|request| request.order.product_ids())).await?;
        let mut batch = StockBatch { products, used_keys };
        let decisions: Vec<_> = requests.iter().map(|request| batch.decide(request)).collect();

        let placed: Vec<(&PlaceRequest, &OrderChange)> = requests
            .iter()
            .zip(&decisions)
            .filter_map(|(request, decision)| match decision {
                Ok(Decision::Place(change)) => Some((request, &**change)),
                _ => None,
            })
            .collect();
        let entries: usize = placed.iter().map(|(_, change)| change.entries()).sum();
        let first = if placed.is_empty() {
            0
        } else {
            // Of several orders that take from one product, the last one's state is what they leave.
            let changed = placed.iter().flat_map(|(_, change)| change.products());
            let changed: BTreeMap<ProductId, &Product> = changed.map(|product| (product.id, product)).collect();
            self.set_stock(changed.into_values()).await?;
            let keys = placed
                .iter()
                .map(|(request, change)| (&request.idempotency, change.order_id().ulid(), request.stamp.at));
            self.insert_used_keys(keys).await?;
            self.allocate_seqs(entries).await?
        };
        let outcomes = number(decisions, first);
        self.insert_placed(&outcomes).await?;
        Ok(outcomes)
    }

    /// The products with these ids, without those that do not exist.
    pub(super) async fn products(
        &mut self,
        ids: impl Iterator<Item = ProductId>,
    ) -> TransactionResult<HashMap<ProductId, Product>> {
        let ids: BTreeSet<ProductId> = ids.collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let most = ids.len();
        let filter = doc! { "_id": { "$in": ids.into_iter().collect::<Vec<_>>() } };
        let collection = self.store.collections.products.clone();
        let found = self.find(&collection, filter, most, product::decode).await?;
        Ok(found.into_iter().map(|product| (product.id, product)).collect())
    }

    async fn insert_placed(&mut self, outcomes: &[Result<Outcome>]) -> TransactionResult<()> {
        let mut orders = Vec::new();
        let mut events = Vec::new();
        for outcome in outcomes {
            if let Ok(Outcome::Placed(placed)) = outcome {
                orders.push(order::encode(&placed.value.order));
                events.extend_from_slice(&placed.events);
            }
        }
        let collection = self.store.collections.orders.clone();
        self.insert(&collection, orders).await?;
        self.append_events(&events).await
    }
}

/// Gives the orders that are placed the numbers of their log entries, from `first` on.
fn number(decisions: Vec<std::result::Result<Decision, Refusal>>, first: Seq) -> Vec<Result<Outcome>> {
    let mut next = first;
    let mut outcome = |decision| match decision {
        Decision::Replay(order) => Outcome::Replayed(order),
        Decision::Place(change) => {
            let (order, events) = change.record(next);
            next += events.len() as Seq;
            Outcome::Placed(Box::new(Committed { value: Placed { order, replayed: false }, events }))
        }
    };
    decisions.into_iter().map(|decision| decision.map(&mut outcome).map_err(StoreError::from)).collect()
}
