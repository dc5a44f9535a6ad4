//! The queue of orders: all orders that wait for their turn to append to the log share one transaction.
//!
//! The log's counter lets one transaction through at a time. With one order in each, the time that a majority takes to
//! confirm would limit how many orders a second can be placed. So orders queue, and the transaction that gets its turn
//! places all that have queued by then (group commit). Each order is decided on its own, in the order of arrival: one
//! that is refused does not hold up the others.

use std::sync::Arc;

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    Inner,
    stock_batch::{Outcome, Request},
    transaction::{TRANSACTION_TIMEOUT, Transaction},
};
use crate::{
    domain::{Idempotency, NewOrder, Stamp},
    storage::{Committed, Placed, Result, StoreError},
};

/// Largest number of orders that wait; further ones are refused at once.
const MAX_QUEUED: usize = 4096;
/// Largest number of lines in one transaction, so that it stays short. A single order may have more.
const MAX_BATCH_LINES: usize = 256;

/// An order that waits for its turn.
pub(super) struct QueuedOrder {
    request: Request,
    deadline: Instant,
    answer: oneshot::Sender<Result<Committed<Placed>>>,
}

impl Inner {
    /// Places an order, together with others that wait.
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
            let mut queue = self.order_queue.lock();
            if queue.len() >= MAX_QUEUED {
                return Err(StoreError::Unavailable("too many orders wait to be placed".to_owned()));
            }
            queue.push_back(QueuedOrder { request: Request { order, idempotency, stamp }, deadline, answer });
        }
        let store = self.clone();
        self.running_transactions.spawn(async move { store.place_queued(deadline).await });
        answered.await.map_err(StoreError::internal)?
    }

    /// Waits for a turn and places the orders that wait then. Every queued order makes one such call, so none is left.
    async fn place_queued(self: &Arc<Self>, deadline: Instant) {
        let turn = timeout_at(deadline, self.log_lock.lock()).await;
        refuse(self.take_expired(), "MongoDB does not keep up with the orders");
        let Ok(_turn) = turn else { return };
        let batch = self.take_batch();
        if !batch.is_empty() {
            self.place_batch(batch).await;
        }
    }

    /// Takes the orders that have waited too long from the front of the queue.
    fn take_expired(&self) -> Vec<QueuedOrder> {
        let mut queue = self.order_queue.lock();
        let now = Instant::now();
        let late = queue.iter().take_while(|order| order.deadline <= now).count();
        queue.drain(..late).collect()
    }

    /// Takes the orders of the next transaction from the front of the queue.
    fn take_batch(&self) -> Vec<QueuedOrder> {
        let mut queue = self.order_queue.lock();
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

    /// Places orders in one transaction, with an answer for each.
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
                let order = earlier.iter().find(|order| order.id == id).cloned();
                let order = order.ok_or_else(|| StoreError::internal("the order of an idempotency key is missing"))?;
                Ok(Committed { value: Placed { order, replayed: true }, events: Vec::new() })
            }
        };
        Ok(outcomes.into_iter().map(|outcome| outcome.and_then(answer)).collect())
    }
}

impl QueuedOrder {
    fn send(self, answer: Result<Committed<Placed>>) {
        // Fails if the caller has gone away, who needs no answer.
        let _ = self.answer.send(answer);
    }
}

fn refuse(batch: Vec<QueuedOrder>, why: &str) {
    for queued in batch {
        queued.send(Err(StoreError::Unavailable(why.to_owned())));
    }
}
