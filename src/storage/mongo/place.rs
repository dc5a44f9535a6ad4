//! Placing orders: those that wait share transactions (group commit).
//!
//! With one order in each transaction, the time that a majority takes to confirm would limit how many orders a second can
//! be placed. So orders queue, and a transaction places all that have queued by then. Each order is decided on its own,
//! as the customers' turns come: one that is refused does not hold up the others.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    order_queue::{Batch, PlaceRequest, QueuedOrder},
    stock_batch::Outcome,
    store::Inner,
    transaction::{TRANSACTION_TIMEOUT, Transaction},
};
use crate::{
    domain::{Idempotency, NewOrder, Stamp},
    storage::{Placed, Result, StoreError},
};

/// How long a transaction waits for the next order before it starts, if the one before had several.
const NEXT_ORDER: Duration = Duration::from_millis(1);
/// How long it waits in all.
const GATHERING: Duration = Duration::from_millis(6);

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
            let several = orders.len() > 1;
            if !orders.is_empty() {
                self.place_batch(orders).await;
            }
            if several {
                self.gather_orders().await;
            }
            self.order_queue.finish(in_sale);
        }
    }

    /// Waits for more orders as long as they keep arriving, because a transaction with more of them costs little more.
    async fn gather_orders(&self) {
        let end = Instant::now() + GATHERING;
        let mut seen = None;
        while Instant::now() < end && seen != Some(self.order_queue.waiting()) {
            seen = Some(self.order_queue.waiting());
            sleep(NEXT_ORDER).await;
        }
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
        let earlier = self.orders(replayed.collect()).await?;
        let answer = |outcome| match outcome {
            Outcome::Placed(placed) => Ok(*placed),
            Outcome::Replayed(id) => {
                let order = earlier.iter().find(|order| order.id == id).cloned();
                let order = order.ok_or_else(|| StoreError::internal("the order of an idempotency key is missing"))?;
                Ok(Placed { order, replayed: true })
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
