//! Placing orders: those that wait share transactions (group commit).
//!
//! With one order in each transaction, the time that a majority takes to confirm would limit how many orders a second can
//! be placed. So orders queue, and a transaction places all that have queued by then. Each order is decided on its own,
//! as the customers' turns come: one that is refused does not hold up the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    order_queue::{Batch, PlaceRequest, QueuedOrder},
    stock_batch::Outcome,
    store::Inner,
    transaction::{Pauses, TRANSACTION_TIMEOUT, Transaction},
};
use crate::{
    domain::{Idempotency, NewOrder, Stamp},
    storage::{Placed, Result, StoreError},
};

/// How long a transaction waits at most until as many orders wait as the one before it had. Their buyers have their
/// answers, so they may order again, and a transaction with more orders costs little more.
const GATHERING: Duration = Duration::from_millis(6);
/// How long it waits in any case if a transaction has collided a short time ago, so that the process whose transaction
/// lost has its turn.
const YIELD: Duration = Duration::from_millis(6);
/// Pauses before a transaction of orders is tried again. A process runs only two of them, so they can be short.
const PAUSES: Pauses = Pauses { first: Duration::from_millis(4), longest: Duration::from_millis(16) };

impl Inner {
    /// Places an order, together with others that wait.
    pub(super) async fn place(
        self: &Arc<Self>,
        order: NewOrder,
        idempotency: Idempotency,
        stamp: Stamp,
    ) -> Result<Placed> {
        self.refuse_when_closing()?;
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        let answered = self.order_queue.push(PlaceRequest { order, idempotency, stamp }, deadline)?;
        let store = self.clone();
        self.running_transactions.spawn(async move { store.place_queued().await });
        answered.await.map_err(StoreError::internal)?
    }

    /// Places queued orders as long as a transaction may start. Whoever ends one looks for the next, so none is left.
    async fn place_queued(self: &Arc<Self>) {
        while let Some(Batch { orders, expired, in_sale }) = self.order_queue.start() {
            refuse(expired, "MongoDB does not keep up with the orders");
            let count = orders.len();
            if !orders.is_empty() {
                self.place_batch(orders).await;
            }
            if count > 1 {
                self.gather_orders(count).await;
            }
            self.order_queue.finish(in_sale);
        }
    }

    /// Waits for more orders, because a transaction with more of them costs little more.
    async fn gather_orders(&self, expected: usize) {
        if self.order_queue.has_collided() {
            sleep(YIELD).await;
        }
        let _ = timeout(GATHERING, self.order_queue.reached(expected)).await;
    }

    /// Places the orders of a batch and answers their callers.
    async fn place_batch(self: &Arc<Self>, batch: Vec<QueuedOrder>) {
        let requests: Vec<PlaceRequest> = batch.iter().map(|queued| queued.request.clone()).collect();
        match self.place_together(requests).await {
            Ok(answers) => {
                for (queued, answer) in batch.into_iter().zip(answers) {
                    queued.send(answer);
                }
            }
            Err(StoreError::Unavailable(why)) => refuse(batch, &why),
            // One order makes the transaction fail, as by a number that is taken. Alone, only that one fails.
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
    async fn place_together(self: &Arc<Self>, requests: Vec<PlaceRequest>) -> Result<Vec<Result<Placed>>> {
        let requests: Arc<[PlaceRequest]> = requests.into();
        let tried = AtomicBool::new(false);
        let outcomes = self
            .retry_transaction(Instant::now() + TRANSACTION_TIMEOUT, PAUSES, &move |transaction: &mut Transaction| {
                if tried.swap(true, Ordering::Relaxed) {
                    transaction.store.order_queue.note_collision();
                }
                let requests = requests.clone();
                Box::pin(async move { transaction.place(&requests).await })
            })
            .await?;
        let replayed = outcomes.iter().filter_map(|outcome| match outcome {
            Ok(Outcome::Replayed(order)) => Some(*order),
            _ => None,
        });
        let earlier = self.orders(replayed.collect()).await?;
        let answer = |outcome| match outcome {
            Outcome::Placed(placed) => Ok(*placed),
            Outcome::Replayed(id) => {
                let order = earlier.iter().find(|order| order.id == id).cloned();
                let order = order.ok_or_else(|| StoreError::internal("the order of an idempotency key is missing"))?;
                Ok(Placed::replayed(order))
            }
        };
        Ok(outcomes.into_iter().map(|outcome| outcome.and_then(answer)).collect())
    }
}

fn refuse(batch: Vec<QueuedOrder>, why: &str) {
    for queued in batch {
        queued.send(Err(StoreError::Unavailable(why.to_owned())));
    }
}
