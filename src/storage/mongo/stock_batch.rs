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
    domain::{OrderChange, OrderId, Product, ProductId, Refusal, SessionId, UsedKey, UserId},
    storage::{Placed, Result, StoreError},
};

/// What became of one order of a transaction.
pub(super) enum Outcome {
    Placed(Box<Placed>),
    Replayed(OrderId),
}

/// The stock and the used keys, as the orders decided so far leave them.
struct StockBatch {
    products: HashMap<ProductId, Product>,
    used_keys: HashMap<KeyName, UsedKey>,
    /// The users of the sessions in which the orders were asked for, without those that have ended.
    sessions: HashMap<SessionId, UserId>,
}

/// The decision about one order.
enum Decision {
    Place(Box<OrderChange>),
    Replay(OrderId),
}

impl StockBatch {
    fn decide(&mut self, request: &PlaceRequest) -> std::result::Result<Decision, Refusal> {
        let PlaceRequest { order, idempotency, stamp } = request;
        if let Some(session) = stamp.session() {
            stamp.check_session(self.sessions.get(&session).copied())?;
        }
        let key = name_of(idempotency);
        if let Some(used) = self.used_keys.get(&key) {
            return Ok(Decision::Replay(idempotency.replay(used)?.into()));
        }
        let change = order.clone().place(&self.products, *stamp)?;
        self.products.extend(change.products().map(|product| (product.id, product.clone())));
        self.used_keys.insert(key, idempotency.used_for(change.order_id().ulid()));
        Ok(Decision::Place(Box::new(change)))
    }
}

impl Transaction {
    /// Decides every request and writes the orders that are placed.
    pub(super) async fn place(&mut self, requests: &[PlaceRequest]) -> TransactionResult<Vec<Result<Outcome>>> {
        let sessions = requests.iter().filter_map(|request| request.stamp.session()).collect();
        let keys = requests.iter().map(|request| &request.idempotency);
        let (used_keys, sessions) = tokio::try_join!(self.find_used_keys(keys), self.session_owners(sessions))?;
        let products = self.products(requests.iter().flat_map(|request| request.order.product_ids())).await?;
        let mut batch = StockBatch { products, used_keys, sessions };
        let decisions: Vec<_> = requests.iter().map(|request| batch.decide(request)).collect();

        let placed: Vec<(&PlaceRequest, &OrderChange)> = requests
            .iter()
            .zip(&decisions)
            .filter_map(|(request, decision)| match decision {
                Ok(Decision::Place(change)) => Some((request, &**change)),
                _ => None,
            })
            .collect();
        if !placed.is_empty() {
            // Of several orders that take from one product, the last one's state is what they leave.
            let changed = placed.iter().flat_map(|(_, change)| change.products());
            let changed: BTreeMap<ProductId, &Product> = changed.map(|product| (product.id, product)).collect();
            self.set_stock(changed.into_values()).await?;
            let keys = placed.iter().map(|(request, change)| (&request.idempotency, change.order_id().ulid()));
            self.insert_used_keys(keys).await?;
        }
        self.insert_placed(decisions).await
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

    /// Writes the orders that are placed, with their log entries.
    async fn insert_placed(
        &mut self,
        decisions: Vec<std::result::Result<Decision, Refusal>>,
    ) -> TransactionResult<Vec<Result<Outcome>>> {
        let (mut orders, mut drafts) = (Vec::new(), Vec::new());
        let mut outcome = |decision| match decision {
            Decision::Replay(order) => Outcome::Replayed(order),
            Decision::Place(change) => {
                let (order, entries) = change.record();
                orders.push(order::encode(&order));
                let placed = Placed::new(order, &entries);
                drafts.extend(entries);
                Outcome::Placed(Box::new(placed))
            }
        };
        let outcomes: Vec<Result<Outcome>> =
            decisions.into_iter().map(|decision| decision.map(&mut outcome).map_err(StoreError::from)).collect();
        let placed = outcomes.iter().filter_map(|outcome| match outcome {
            Ok(Outcome::Placed(placed)) => Some(&placed.order),
            _ => None,
        });
        self.insert_order_keys(&placed.collect::<Vec<_>>()).await?;
        let collection = self.store.collections.orders.clone();
        self.insert(&collection, orders).await?;
        self.append_events(&drafts).await?;
        Ok(outcomes)
    }
}
