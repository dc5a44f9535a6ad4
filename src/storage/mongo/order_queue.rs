//! The queue of orders that wait to be placed, and which products are being sold.
//!
//! One transaction at a time places all small orders that wait: the more it has, the less each of them costs, and the
//! fewer transactions of other processes it can collide with. Another one places large orders beside it. Two transactions
//! of this process never take from the same product, because one of them would have to be retried. Customers take turns.
//!
//! Decisions: `docs/decisions/0018-numbered-after-the-commit.md`, `docs/decisions/0024-callers-take-turns.md`.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use crate::{
    domain::{Idempotency, NewOrder, ProductId, Stamp, UserId},
    storage::{Placed, Result, StoreError},
};

/// Largest number of orders that wait; further ones are refused at once.
const MAX_QUEUED: usize = 4096;
/// How many of them may be one customer's.
const MAX_OF_CUSTOMER: usize = MAX_QUEUED / 4;
/// Largest number of lines in one transaction, so that it stays short. A single order may have more.
const MAX_BATCH_LINES: usize = 256;
/// An order with more lines is placed beside the others, so that they do not wait for it.
const LARGE: usize = 50;

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

    fn lines(&self) -> usize {
        self.request.order.lines.len()
    }
}

/// How long a collision of transactions makes the next ones wait.
const COLLIDED_FOR: Duration = Duration::from_secs(1);

/// The orders that wait.
#[derive(Default)]
pub(super) struct OrderQueue {
    state: Mutex<State>,
    /// Notified when an order has been added.
    added: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<QueuedOrder>,
    /// The products of the running transactions.
    in_sale: HashSet<ProductId>,
    /// Whether a transaction of small orders is running, and one of large orders.
    running: [bool; 2],
    /// When a transaction was last tried again.
    collided_at: Option<Instant>,
}

/// The orders of one transaction.
pub(super) struct Batch {
    pub(super) orders: Vec<QueuedOrder>,
    /// Orders that waited too long; they have no part in the transaction.
    pub(super) expired: Vec<QueuedOrder>,
    /// What [`OrderQueue::finish`] gives back when the transaction has ended.
    pub(super) in_sale: InSale,
}

/// What a batch keeps other transactions from, until its own has ended.
pub(super) struct InSale {
    products: HashSet<ProductId>,
    large: bool,
}

impl OrderQueue {
    /// Adds an order, which gives up waiting at `deadline`, and returns the channel of its answer.
    pub(super) fn push(&self, request: PlaceRequest, deadline: Instant) -> Result<oneshot::Receiver<Result<Placed>>> {
        let (answer, answered) = oneshot::channel();
        let mut state = self.state.lock();
        let user = request.idempotency.user;
        let own = || state.waiting.iter().filter(|queued| queued.request.idempotency.user == user).count();
        if state.waiting.len() >= MAX_QUEUED || (state.waiting.len() >= MAX_OF_CUSTOMER && own() >= MAX_OF_CUSTOMER) {
            return Err(StoreError::Unavailable("too many orders wait to be placed".to_owned()));
        }
        state.waiting.push_back(QueuedOrder { request, deadline, answer });
        drop(state);
        self.added.notify_waiters();
        Ok(answered)
    }

    /// Takes the orders of the next transaction, if one may start now.
    pub(super) fn start(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        [false, true].into_iter().find_map(|large| state.start(large))
    }

    /// Notes that a transaction of this process is tried again.
    pub(super) fn note_collision(&self) {
        self.state.lock().collided_at = Some(Instant::now());
    }

    /// Whether a transaction was tried again within the last second.
    pub(super) fn has_collided(&self) -> bool {
        self.state.lock().collided_at.is_some_and(|at| at.elapsed() < COLLIDED_FOR)
    }

    /// Waits until this many orders wait.
    pub(super) async fn reached(&self, count: usize) {
        loop {
            let added = self.added.notified();
            if self.state.lock().waiting.len() >= count {
                return;
            }
            added.await;
        }
    }

    /// Ends a transaction that was started.
    pub(super) fn finish(&self, sold: InSale) {
        let mut state = self.state.lock();
        sold.products.iter().for_each(|product| _ = state.in_sale.remove(product));
        state.running[usize::from(sold.large)] = false;
    }
}

impl State {
    /// Lets customers take turns: first come the oldest orders of each, then the second ones, and so on.
    fn take_turns(&mut self) {
        let mut orders_of: HashMap<UserId, usize> = HashMap::new();
        let turn = |queued: QueuedOrder| {
            let before = orders_of.entry(queued.request.idempotency.user).or_default();
            *before += 1;
            (*before, queued)
        };
        let mut turns: Vec<(usize, QueuedOrder)> = self.waiting.drain(..).map(turn).collect();
        turns.sort_by_key(|(turn, _)| *turn);
        self.waiting.extend(turns.into_iter().map(|(_, queued)| queued));
    }

    /// Takes small or large orders, as the customers' turns come, without those that share a product with a running
    /// transaction or with an order that came before and waits.
    fn start(&mut self, large: bool) -> Option<Batch> {
        let now = Instant::now();
        let concerns = |queued: &QueuedOrder| queued.deadline <= now || (queued.lines() > LARGE) == large;
        if self.running[usize::from(large)] || !self.waiting.iter().any(concerns) {
            return None;
        }
        self.take_turns();
        let mut blocked = self.in_sale.clone();
        let (mut orders, mut expired, mut products) = (Vec::new(), Vec::new(), HashSet::new());
        let (mut lines, mut left) = (0, VecDeque::with_capacity(self.waiting.len()));
        while let Some(next) = self.waiting.pop_front() {
            if next.deadline <= now {
                expired.push(next);
            } else if (next.lines() > LARGE) != large || next.products().any(|product| blocked.contains(&product)) {
                blocked.extend(next.products());
                left.push_back(next);
            } else if lines > 0 && lines + next.lines() > MAX_BATCH_LINES {
                left.push_back(next);
                break;
            } else {
                lines += next.lines();
                products.extend(next.products());
                orders.push(next);
            }
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        if orders.is_empty() && expired.is_empty() {
            return None;
        }
        self.in_sale.extend(&products);
        self.running[usize::from(large)] = true;
        Some(Batch { orders, expired, in_sale: InSale { products, large } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OrderId, OrderLine, Timestamp, UserId};

    fn push(queue: &OrderQueue, number: &str, products: impl IntoIterator<Item = u8>) {
        push_of(queue, UserId::generate(Timestamp::from_unix_millis(1)), number, products);
    }

    fn push_of(queue: &OrderQueue, user: UserId, number: &str, products: impl IntoIterator<Item = u8>) {
        let at = Timestamp::from_unix_millis(1);
        let lines = products.into_iter().map(|product| OrderLine {
            product: ProductId::from_bytes([product; 16]),
            quantity: 1,
            input_index: 0,
        });
        let order = NewOrder {
            id: OrderId::generate(at),
            number: number.to_owned(),
            region: String::new(),
            customer: user,
            lines: lines.collect(),
            payment_reference: None,
        };
        let idempotency = Idempotency { user, scope: "test", key: number.to_owned(), fingerprint: [0; 32] };
        let request = PlaceRequest { order, idempotency, stamp: Stamp::system(at) };
        drop(queue.push(request, Instant::now() + Duration::from_secs(60)).unwrap());
    }

    fn start(queue: &OrderQueue) -> Option<(Vec<String>, InSale)> {
        let Batch { orders, in_sale, .. } = queue.start()?;
        Some((orders.into_iter().map(|queued| queued.request.order.number).collect(), in_sale))
    }

    #[tokio::test]
    async fn small_orders_share_a_transaction_and_a_large_one_runs_beside_them() {
        let queue = OrderQueue::default();
        push(&queue, "small", [1, 2]);
        push(&queue, "large", 10..=80);
        push(&queue, "also small", [2, 3]);
        let (numbers, small) = start(&queue).unwrap();
        assert_eq!(numbers, ["small", "also small"]);
        let (numbers, large) = start(&queue).unwrap();
        assert_eq!(numbers, ["large"]);
        push(&queue, "shares", [10]);
        push(&queue, "after it", [10, 1]);
        push(&queue, "other", [4]);
        assert!(start(&queue).is_none(), "a transaction of small orders is running");
        queue.finish(small);
        let (numbers, small) = start(&queue).unwrap();
        assert_eq!(numbers, ["other"], "the others share a product with the large order, or with one that waits");
        queue.finish(large);
        queue.finish(small);
        assert_eq!(start(&queue).unwrap().0, ["shares", "after it"]);
        assert!(start(&queue).is_none());
    }

    #[tokio::test]
    async fn a_transaction_waits_for_as_many_orders_as_are_expected() {
        let queue = OrderQueue::default();
        let both_wait = queue.reached(2);
        push(&queue, "first", [1]);
        tokio::pin!(both_wait);
        assert!(futures_util::poll!(&mut both_wait).is_pending());
        push(&queue, "second", [1]);
        assert!(futures_util::poll!(&mut both_wait).is_ready());
    }

    #[tokio::test]
    async fn small_orders_do_not_overtake_a_large_one_that_waits_for_the_same_product() {
        let queue = OrderQueue::default();
        push(&queue, "small", [1]);
        let (_, small) = start(&queue).unwrap();
        push(&queue, "large", 1..=60);
        push(&queue, "late", [1]);
        assert!(start(&queue).is_none());
        queue.finish(small);
        assert_eq!(start(&queue).unwrap().0, ["large"]);
    }

    #[tokio::test]
    async fn a_flood_of_orders_of_one_customer_delays_another_by_one_transaction() {
        let queue = OrderQueue::default();
        let [flooding, other] = [1, 2].map(|number| UserId::from_bytes([number; 16]));
        for number in 0..100 {
            push_of(&queue, flooding, &number.to_string(), 1..=50);
        }
        push_of(&queue, other, "other", [60]);
        let (numbers, running) = start(&queue).unwrap();
        assert_eq!(numbers, ["0", "other", "1", "2", "3", "4"], "5 orders of 50 lines fill a transaction");
        push_of(&queue, other, "next", [60]);
        queue.finish(running);
        assert_eq!(start(&queue).unwrap().0, ["5", "next", "6", "7", "8", "9"]);
    }
}
