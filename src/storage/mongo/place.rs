//! Placing orders: all that wait for their turn to append to the log share one transaction.
//!
//! The log's counter lets one transaction through at a time, so with one order each the time a majority takes to
//! confirm would bound how many orders a second there can be. Instead orders queue, and whoever gets the turn places
//! what has queued by then (group commit). Each order is decided on its own, in the order of arrival: one that can't be
//! met fails alone.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, PoisonError},
};

use bson::doc;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    Inner,
    event::EventDraft,
    idempotency::UsedKey,
    order,
    product::{self, restocked},
    transaction::{TRANSACTION_TIMEOUT, Transaction, TransactionResult},
};
use crate::{
    domain::*,
    storage::{Committed, Idempotency, Placed, Result, StoreError},
};

/// The most orders that may wait; more are refused at once.
const MAX_QUEUED: usize = 4096;
/// One transaction takes orders up to this many lines in all, so that it stays short.
const MAX_BATCH_LINES: usize = 256;

/// An order to be placed.
#[derive(Clone)]
struct Request {
    order: NewOrder,
    idempotency: Idempotency,
    stamp: Stamp,
}

/// An order that waits for its turn.
pub(super) struct QueuedOrder {
    request: Request,
    deadline: Instant,
    answer: oneshot::Sender<Result<Committed<Placed>>>,
}

/// What became of one order of a transaction.
enum Outcome {
    Placed(Box<Committed<Placed>>),
    Replayed(OrderId),
}

impl Inner {
    /// Places an order together with others that wait.
    pub(super) async fn place(
        self: &Arc<Self>,
        order: NewOrder,
        idempotency: Idempotency,
        stamp: Stamp,
    ) -> Result<Committed<Placed>> {
        self.refuse_when_closing()?;
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.order_queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.len() >= MAX_QUEUED {
                return Err(StoreError::Unavailable("too many orders wait to be placed".to_owned()));
            }
            queue.push_back(QueuedOrder { request: Request { order, idempotency, stamp }, deadline, answer });
        }
        let store = self.clone();
        self.running_transactions.spawn(async move { store.place_queued(deadline).await });
        answered.await.map_err(StoreError::internal)?
    }

    /// Waits for a turn and places the orders that wait then. Every order brings one call, so all are served.
    async fn place_queued(self: &Arc<Self>, deadline: Instant) {
        let turn = timeout_at(deadline, self.log_lock.lock()).await;
        refuse(self.take_expired(), "MongoDB does not keep up with the orders");
        let Ok(_turn) = turn else { return };
        let batch = self.take_batch();
        if !batch.is_empty() {
            self.place_batch(batch).await;
        }
    }

    /// The orders that have waited too long; they came first.
    fn take_expired(&self) -> Vec<QueuedOrder> {
        let mut queue = self.order_queue.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let late = queue.iter().take_while(|order| order.deadline <= now).count();
        queue.drain(..late).collect()
    }

    fn take_batch(&self) -> Vec<QueuedOrder> {
        let mut queue = self.order_queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = 0;
        let mut batch = Vec::new();
        while let Some(next) = queue.front() {
            lines += next.request.order.lines.len();
            if lines > MAX_BATCH_LINES && !batch.is_empty() {
                break;
            }
            batch.extend(queue.pop_front());
        }
        batch
    }

    async fn place_batch(self: &Arc<Self>, batch: Vec<QueuedOrder>) {
        let requests: Vec<Request> = batch.iter().map(|queued| queued.request.clone()).collect();
        match self.place_together(requests).await {
            Ok(answers) => {
                for (queued, answer) in batch.into_iter().zip(answers) {
                    queued.send(answer);
                }
            }
            Err(StoreError::Unavailable(why)) => refuse(batch, &why),
            // One of them spoils it for all: each on its own, so that only that one fails.
            Err(_) => {
                for queued in batch {
                    let alone = self.place_together(vec![queued.request.clone()]).await;
                    let answer = alone.and_then(|mut answers| {
                        answers.pop().unwrap_or_else(|| Err(StoreError::internal("an order was forgotten")))
                    });
                    queued.send(answer);
                }
            }
        }
    }

    /// Places orders in one transaction; each has its own answer.
    async fn place_together(self: &Arc<Self>, requests: Vec<Request>) -> Result<Vec<Result<Committed<Placed>>>> {
        let requests: Arc<[Request]> = requests.into();
        let outcomes = self
            .retry_transaction(Instant::now() + TRANSACTION_TIMEOUT, &move |transaction: &mut Transaction| {
                let requests = requests.clone();
                Box::pin(async move { transaction.place(&requests).await })
            })
            .await?;
        let replayed = outcomes.iter().filter_map(|outcome| match outcome {
            Ok(Outcome::Replayed(order)) => Some(*order),
            _ => None,
        });
        let earlier = self.orders_by("_id", replayed.collect::<Vec<_>>()).await?;
        let answer = |outcome| match outcome {
            Outcome::Placed(placed) => Ok(*placed),
            Outcome::Replayed(id) => {
                let order = earlier.iter().find(|order| order.id == id).cloned().ok_or(StoreError::NotFound)?;
                Ok(Committed { value: Placed { order, replayed: true }, events: Vec::new() })
            }
        };
        Ok(outcomes.into_iter().map(|outcome| outcome.and_then(answer)).collect())
    }
}

impl QueuedOrder {
    fn send(self, answer: Result<Committed<Placed>>) {
        // A caller that has gone away needs no answer.
        let _ = self.answer.send(answer);
    }
}

fn refuse(batch: Vec<QueuedOrder>, why: &str) {
    for queued in batch {
        queued.send(Err(StoreError::Unavailable(why.to_owned())));
    }
}

/// What the orders of one transaction are decided by: the stock and the used keys, as each order leaves them.
struct StockBatch {
    products: HashMap<ProductId, Product>,
    keys: HashMap<(UserId, String, String), UsedKey>,
}

/// An order that can be met.
struct Accepted {
    order: Order,
    /// The products of its lines as the order leaves them.
    products: Vec<Product>,
    stamp: Stamp,
}

/// What the batch says to an order.
enum Decision {
    Accept(Box<Accepted>),
    Replay(OrderId),
}

impl StockBatch {
    fn decide(&mut self, request: &Request) -> Result<Decision> {
        let Request { order, idempotency, stamp } = request;
        let key = (idempotency.user, idempotency.scope.to_owned(), idempotency.key.clone());
        let unused = match self.keys.entry(key) {
            Entry::Occupied(used) => {
                return Ok(Decision::Replay(OrderId::from_bytes(used.get().entity_for(idempotency)?)));
            }
            Entry::Vacant(unused) => unused,
        };
        let mut lines: Vec<&OrderLine> = order.lines.iter().collect();
        lines.sort_by_key(|line| line.input_index);
        for OrderLine { product, quantity, input_index } in lines.into_iter().copied() {
            let on_sale = self.products.get(&product).filter(|product| product.status == ProductStatus::Active);
            let available = on_sale.ok_or(StoreError::ProductNotFound { input_index })?.stock;
            if available < quantity {
                return Err(StoreError::InsufficientStock { input_index, available });
            }
        }
        let left = |line: &OrderLine| {
            let product = self.products.get(&line.product)?.clone();
            let stock = product.stock - line.quantity;
            Some(restocked(product, stock, *stamp))
        };
        let products: Vec<Product> = order.lines.iter().filter_map(left).collect();
        let order = order.clone().place(&products, *stamp, 0)?;
        self.products.extend(products.iter().map(|product| (product.id, product.clone())));
        unused.insert(UsedKey {
            user: idempotency.user,
            scope: idempotency.scope.to_owned(),
            key: idempotency.key.clone(),
            fingerprint: idempotency.fingerprint,
            entity: order.id.to_bytes(),
        });
        Ok(Decision::Accept(Box::new(Accepted { order, products, stamp: *stamp })))
    }
}

impl Accepted {
    /// The order and its entries in the log from number `first` on: its products in the order of the lines, then itself.
    fn numbered(mut self, first: Seq) -> Committed<Placed> {
        let last = first + self.products.len() as Seq;
        for entry in &mut self.order.history {
            entry.seq = last;
        }
        let products = self.products.into_iter().map(|product| EventDraft::product(EventKind::Updated, product));
        let drafts = products.chain([EventDraft::order(None, self.order.clone())]);
        let events = (first..).zip(drafts).map(|(seq, draft)| draft.into_event(seq, self.stamp)).collect();
        Committed { value: Placed { order: self.order, replayed: false }, events }
    }
}

impl Transaction {
    /// Decides every request and writes what was accepted.
    async fn place(&mut self, requests: &[Request]) -> TransactionResult<Vec<Result<Outcome>>> {
        let mut batch = self.load_stock_batch(requests).await?;
        let decisions: Vec<Result<Decision>> = requests.iter().map(|request| batch.decide(request)).collect();

        let accepted = || {
            decisions.iter().filter_map(|decision| match decision {
                Ok(Decision::Accept(accepted)) => Some(accepted),
                _ => None,
            })
        };
        let entries: usize = accepted().map(|accepted| accepted.products.len() + 1).sum();
        let mut touched: Vec<ProductId> =
            accepted().flat_map(|accepted| &accepted.products).map(|product| product.id).collect();
        touched.sort_unstable();
        touched.dedup();
        if entries > 0 {
            self.set_stock(touched.iter().filter_map(|id| batch.products.get(id))).await?;
            let keys = requests.iter().zip(&decisions).filter_map(|(request, decision)| match decision {
                Ok(Decision::Accept(accepted)) => {
                    Some((&request.idempotency, accepted.order.id.to_bytes(), request.stamp.at))
                }
                _ => None,
            });
            self.insert_used_keys(keys).await?;
        }
        let mut next = if entries > 0 { self.allocate_seqs(entries).await? } else { 0 };

        let mut outcomes = Vec::with_capacity(decisions.len());
        for decision in decisions {
            outcomes.push(decision.map(|decision| match decision {
                Decision::Replay(order) => Outcome::Replayed(order),
                Decision::Accept(accepted) => {
                    let placed = accepted.numbered(next);
                    next += placed.events.len() as Seq;
                    Outcome::Placed(Box::new(placed))
                }
            }));
        }
        self.write(&outcomes).await?;
        Ok(outcomes)
    }

    async fn load_stock_batch(&mut self, requests: &[Request]) -> TransactionResult<StockBatch> {
        let used = self.find_used_keys(requests.iter().map(|request| &request.idempotency)).await?;
        let keys = used.into_iter().map(|used| ((used.user, used.scope.clone(), used.key.clone()), used)).collect();
        let mut ids: Vec<ProductId> =
            requests.iter().flat_map(|request| &request.order.lines).map(|line| line.product).collect();
        ids.sort_unstable();
        ids.dedup();
        let most = ids.len();
        let collection = self.store.products.clone();
        let found = self.find(&collection, doc! { "_id": { "$in": ids } }, most, product::decode).await?;
        Ok(StockBatch { products: found.into_iter().map(|product| (product.id, product)).collect(), keys })
    }

    async fn write(&mut self, outcomes: &[Result<Outcome>]) -> TransactionResult<()> {
        let mut orders = Vec::new();
        let mut events = Vec::new();
        for outcome in outcomes {
            if let Ok(Outcome::Placed(placed)) = outcome {
                orders.push(order::encode(&placed.value.order));
                events.extend_from_slice(&placed.events);
            }
        }
        let collection = self.store.orders.clone();
        self.insert(&collection, orders).await?;
        self.append_events(&events).await
    }
}
