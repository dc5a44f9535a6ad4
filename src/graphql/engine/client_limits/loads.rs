//! Counts what the storage reads for one operation: the bytes that it loads, and the rows that it examines.
//!
//! Decision: `docs/decisions/0025-rows-and-loaded-bytes.md`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;

use super::{
    answers::{AnswerBudget, AnswerRefusal},
    meter::AnswerMeter,
};
use crate::{
    fairness::{Caller, OverBudget, ReadMeter},
    telemetry::metrics,
};

/// The meter of what is read for one operation. Request data of the operation, and the [`ReadMeter`] of its task.
pub struct LoadMeter {
    budget: Arc<AnswerBudget>,
    client: Caller,
    bytes: Mutex<Arc<AnswerMeter>>,
    rows: AtomicU64,
}

impl LoadMeter {
    /// A meter for an operation of this client that has read nothing. What it loads counts as in flight until this is
    /// dropped.
    pub fn new(budget: &Arc<AnswerBudget>, client: Caller) -> Arc<Self> {
        let bytes = Mutex::new(new_bytes(budget, client));
        Arc::new(Self { budget: budget.clone(), client, bytes, rows: AtomicU64::new(0) })
    }

    /// Forgets the bytes that were loaded so far: the operation holds them no longer.
    pub fn release(&self) {
        *self.bytes.lock() = new_bytes(&self.budget, self.client);
    }

    /// Why the operation loads no more; `None` while it may.
    pub fn refusal(&self) -> Option<AnswerRefusal> {
        self.bytes.lock().refusal()
    }

    /// How many rows were examined.
    pub fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }
}

fn new_bytes(budget: &Arc<AnswerBudget>, client: Caller) -> Arc<AnswerMeter> {
    let limit = budget.limits().loaded;
    AnswerMeter::with_refusal(limit, AnswerRefusal::LoadsTooMuch(limit), budget.for_client(client))
}

impl ReadMeter for LoadMeter {
    fn examine(&self, rows: u64) {
        self.rows.fetch_add(rows, Relaxed);
        metrics().examined_rows.inc_by(rows);
    }

    fn load(&self, bytes: usize) -> Result<(), OverBudget> {
        metrics().loaded_bytes.inc_by(bytes as u64);
        self.bytes.lock().add(bytes).map_err(|refusal| match refusal {
            AnswerRefusal::LoadsTooMuch(limit)
            | AnswerRefusal::TakesTooMuch(limit)
            | AnswerRefusal::TooLarge(limit) => OverBudget::Operation(limit),
            AnswerRefusal::ClientIsFull(limit) => OverBudget::Client(limit),
            AnswerRefusal::NodeIsFull(limit) => OverBudget::Node(limit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::client_limits::AnswerLimits;

    #[test]
    fn loaded_bytes_count_as_in_flight_until_they_are_released_and_refuse_what_is_too_much() {
        let budget = AnswerBudget::new(AnswerLimits { answer: 10, loaded: 100, client: 150, node: 1000 });
        let meter = LoadMeter::new(&budget, Caller::Server);
        assert_eq!([meter.load(60), meter.load(41)], [Ok(()), Err(OverBudget::Operation(100))]);
        assert_eq!(meter.refusal(), Some(AnswerRefusal::LoadsTooMuch(100)));
        assert!(meter.load(1).is_err(), "nothing is loaded after what was refused");
        meter.release();
        assert_eq!((meter.refusal(), budget.in_flight()), (None, 0));
        assert_eq!((meter.load(100), budget.in_flight()), (Ok(()), 100));
        meter.examine(7);
        assert_eq!(meter.rows(), 7);
        drop(meter);
        assert_eq!(budget.in_flight(), 0);
    }
}
