//! The queue of orders that wait for the lock on the log.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    domain::{Idempotency, NewOrder, Stamp},
    storage::{Committed, Placed, Result, StoreError},
};

/// Largest number of orders that wait; further ones are refused at once.
const MAX_QUEUED: usize = 4096;
/// Largest number of lines in one transaction, so that it stays short. A single order may have more.
const MAX_BATCH_LINES: usize = 256;

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
    answer: oneshot::Sender<Result<Committed<Placed>>>,
}

impl QueuedOrder {
    pub(super) fn send(self, answer: Result<Committed<Placed>>) {
        // A caller that has gone away needs no answer.
        let _ = self.answer.send(answer);
    }
}

/// Orders in the order of their arrival.
#[derive(Default)]
pub(super) struct OrderQueue(Mutex<VecDeque<QueuedOrder>>);

impl OrderQueue {
    /// Adds an order, which gives up waiting at `deadline`, and returns the channel of its answer.
    pub(super) fn push(
        &self,
        request: PlaceRequest,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Result<Committed<Placed>>>> {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.0.lock();
        if queue.len() >= MAX_QUEUED {
            return Err(StoreError::Unavailable("too many orders wait to be placed".to_owned()));
        }
        queue.push_back(QueuedOrder { request, deadline, answer });
        Ok(answered)
    }

    /// Takes the orders whose deadline has passed; they are at the front.
    pub(super) fn take_expired(&self) -> Vec<QueuedOrder> {
        let mut queue = self.0.lock();
        let now = Instant::now();
        let expired = queue.iter().take_while(|order| order.deadline <= now).count();
        queue.drain(..expired).collect()
    }

    /// Takes the orders of the next transaction from the front.
    pub(super) fn take_batch(&self) -> Vec<QueuedOrder> {
        let mut queue = self.0.lock();
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
}
