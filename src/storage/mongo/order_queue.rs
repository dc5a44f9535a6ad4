//! The queue of orders that wait to be placed, and which products are being sold.
//!
//! Transactions of this process that take from the same product would conflict, and one of them would be retried. So
//! orders that share a product are placed in one transaction, or one transaction after the other; others run beside them.
//!
//! Decision: `docs/decisions/0018-numbered-after-the-commit.md`.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    domain::{Idempotency, NewOrder, ProductId, Stamp},
    storage::{Placed, Result, StoreError},
};

/// Largest number of orders that wait; further ones are refused at once.
const MAX_QUEUED: usize = 4096;
/// Largest number of lines in one transaction, so that it stays short. A single order may have more.
const MAX_BATCH_LINES: usize = 256;
/// Most transactions of this process that place orders at the same time. More of them are smaller, and each needs a
/// commit of its own.
const MAX_RUNNING: usize = 2;

/// An order to be placed.
#[derive(Clone)]
pub(super) struct PlaceRequest {
    pub(super) order: NewOrder,
    pub(super) idempotency: Idempotency,
    pub(super) stamp: Stamp,
}

/// An order in the queue, with the channel to its caller.
pub(super) struct QueuedOrder {
    pub(super) request: PlaceRequest,
    deadline: Instant,
    answer: oneshot::Sender<Result<Placed>>,
}

impl QueuedOrder {
    pub(super) fn send(self, answer: Result<Placed>) {
        // A caller that has gone away needs no answer.
        let _ = self.answer.send(answer);
    }

    fn products(&self) -> impl Iterator<Item = ProductId> {
        self.request.order.product_ids()
    }
}

/// Orders in the order of their arrival.
#[derive(Default)]
pub(super) struct OrderQueue(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<QueuedOrder>,
    /// The products of the running transactions.
    in_sale: HashSet<ProductId>,
    running: usize,
}

/// The orders of one transaction. [`OrderQueue::finish`] ends it.
pub(super) struct Batch {
    pub(super) orders: Vec<QueuedOrder>,
    /// Orders that waited too long; they have no part in the transaction.
    pub(super) expired: Vec<QueuedOrder>,
    products: HashSet<ProductId>,
}

/// The products of a batch, until its transaction has ended.
pub(super) struct InSale(HashSet<ProductId>);

impl Batch {
    /// Splits the batch into its orders, those that have expired, and what to give back to the queue.
    pub(super) fn split(self) -> (Vec<QueuedOrder>, Vec<QueuedOrder>, InSale) {
        (self.orders, self.expired, InSale(self.products))
    }
}

impl OrderQueue {
    /// Adds an order, which gives up waiting at `deadline`, and returns the channel of its answer.
    pub(super) fn push(&self, request: PlaceRequest, deadline: Instant) -> Result<oneshot::Receiver<Result<Placed>>> {
        let (answer, answered) = oneshot::channel();
        let mut state = self.0.lock();
        if state.waiting.len() >= MAX_QUEUED {
            return Err(StoreError::Unavailable("too many orders wait to be placed".to_owned()));
        }
        state.waiting.push_back(QueuedOrder { request, deadline, answer });
        Ok(answered)
    }

    /// Takes the orders of the next transaction, if one may start now: in the order of their arrival, without those that
    /// share a product with a running transaction or with an order that waits for one.
    pub(super) fn start(&self) -> Option<Batch> {
        let mut state = self.0.lock();
        if state.running == MAX_RUNNING {
            return None;
        }
        let State { waiting, in_sale, running } = &mut *state;
        let now = Instant::now();
        let mut blocked = in_sale.clone();
        let mut batch = Batch { orders: Vec::new(), expired: Vec::new(), products: HashSet::new() };
        let mut lines = 0;
        let mut left = VecDeque::with_capacity(waiting.len());
        while let Some(next) = waiting.pop_front() {
            if next.deadline <= now {
                batch.expired.push(next);
            } else if next.products().any(|product| blocked.contains(&product)) {
                blocked.extend(next.products());
                left.push_back(next);
            } else if lines > 0 && lines + next.request.order.lines.len() > MAX_BATCH_LINES {
                left.push_back(next);
                break;
            } else {
                lines += next.request.order.lines.len();
                batch.products.extend(next.products());
                batch.orders.push(next);
            }
        }
        left.append(waiting);
        *waiting = left;
        if batch.orders.is_empty() && batch.expired.is_empty() {
            return None;
        }
        in_sale.extend(&batch.products);
        *running += 1;
        Some(batch)
    }

    /// Ends a transaction that was started.
    pub(super) fn finish(&self, sold: InSale) {
        let mut state = self.0.lock();
        sold.0.iter().for_each(|product| _ = state.in_sale.remove(product));
        state.running -= 1;
    }
}
