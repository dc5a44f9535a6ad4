//! Counts the bytes of one answer while it is written, or of what is loaded for it.
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

use std::{
    future::poll_fn,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
};

use parking_lot::Mutex;

use super::answers::{AnswerRefusal, HeldBytes};

/// Bytes that are reserved of the node's budget at a time, so that most additions touch no counter that operations
/// share.
const STEP: usize = 16 * 1024;

/// Bytes that the executor needs for a value beside its text, until the answer is written: its place in an object, with
/// the key.
const VALUE_BYTES: usize = 160;
/// Bytes after which the turn of an operation is over: less than a millisecond's work.
const TURN: usize = 128 * 1024;
/// Bytes that take as long to write as a value takes to resolve.
const VALUE: usize = 512;

/// The meter of one answer. Request data of its operation: what writes a part of the answer adds its bytes, and stops
/// when the meter refuses them. [`super::LoadMeter`] has one for what is loaded.
pub struct AnswerMeter {
    limit: usize,
    /// Bytes that were held before the first was counted.
    base: usize,
    /// The refusal of what exceeds the limit.
    too_much: AnswerRefusal,
    written: AtomicUsize,
    /// Bytes of memory that the answer takes while it is made.
    taken: AtomicUsize,
    /// Up to here bytes may be taken without reserving more.
    reserved: AtomicUsize,
    held: Mutex<HeldBytes>,
    refusal: OnceLock<AnswerRefusal>,
    /// Bytes since the turn of the operation began.
    turn: AtomicUsize,
}

impl AnswerMeter {
    /// A meter whose bytes `held` holds, besides those that it holds already, for an answer of at most `limit` bytes.
    pub fn new(limit: usize, held: HeldBytes) -> Arc<Self> {
        Self::with_refusal(limit, AnswerRefusal::TooLarge(limit), held)
    }

    /// A meter that refuses more than `limit` bytes with `too_much`.
    pub(super) fn with_refusal(limit: usize, too_much: AnswerRefusal, held: HeldBytes) -> Arc<Self> {
        Arc::new(Self {
            limit,
            base: held.bytes(),
            too_much,
            written: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            held: Mutex::new(held),
            refusal: OnceLock::new(),
            turn: AtomicUsize::new(0),
        })
    }

    /// How many bytes may still be written.
    pub fn left(&self) -> usize {
        if self.refusal.get().is_some() { 0 } else { self.limit.saturating_sub(self.written()) }
    }

    /// How many bytes were written, with those that were refused first.
    pub fn written(&self) -> usize {
        self.written.load(Relaxed)
    }

    /// Why the answer is not written to its end; `None` while it is.
    pub fn refusal(&self) -> Option<AnswerRefusal> {
        self.refusal.get().copied()
    }

    /// Counts bytes.
    ///
    /// # Errors
    ///
    /// A budget is used up: nothing more is to be written. Then every later call fails with the same refusal.
    pub fn add(&self, bytes: usize) -> Result<(), AnswerRefusal> {
        self.count(bytes, bytes)
    }

    /// Counts the bytes of a value that the executor holds until the answer is written.
    ///
    /// # Errors
    ///
    /// As for [`Self::add`].
    pub fn add_value(&self, bytes: usize) -> Result<(), AnswerRefusal> {
        self.count(bytes, bytes.saturating_add(VALUE_BYTES))
    }

    fn count(&self, bytes: usize, memory: usize) -> Result<(), AnswerRefusal> {
        let written = self.written.fetch_add(bytes, Relaxed).saturating_add(bytes);
        let taken = self.taken.fetch_add(memory, Relaxed).saturating_add(memory);
        if written <= self.limit && taken <= self.reserved.load(Relaxed) {
            return Ok(());
        }
        if let Some(refusal) = self.refusal() {
            self.written.fetch_sub(bytes, Relaxed);
            return Err(refusal);
        }
        if written > self.limit {
            return Err(self.refuse(self.too_much));
        }
        self.reserve(taken)
    }

    /// Waits for the operation's next turn now and then. To be called after each value, which has so many bytes: a large answer
    /// must not keep a thread of the runtime for as long as it takes to write it.
    pub async fn take_turns(&self, bytes: usize) {
        let done = bytes.saturating_add(VALUE);
        if self.turn.fetch_add(done, Relaxed).saturating_add(done) < TURN {
            return;
        }
        // Wakes itself at once, so that the operation does not count as idle.
        poll_fn(|cx| {
            if !self.turn_is_over() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Whether the operation is to wait for its next turn.
    pub fn turn_is_over(&self) -> bool {
        self.turn.load(Relaxed) >= TURN
    }

    /// Lets the operation go on.
    pub fn begin_turn(&self) {
        self.turn.store(0, Relaxed);
    }

    fn reserve(&self, taken: usize) -> Result<(), AnswerRefusal> {
        let mut held = self.held.lock();
        let steps = taken.next_multiple_of(STEP);
        let reserved = if taken <= self.limit { steps.min(self.limit) } else { steps };
        let more = self.base.saturating_add(reserved).saturating_sub(held.bytes());
        held.try_add(more).map_err(|refusal| match refusal {
            AnswerRefusal::ClientIsFull(limit) if taken > limit => self.refuse(AnswerRefusal::TakesTooMuch(limit)),
            refusal => self.refuse(refusal),
        })?;
        self.reserved.store(reserved, Relaxed);
        Ok(())
    }

    fn refuse(&self, refusal: AnswerRefusal) -> AnswerRefusal {
        self.reserved.store(0, Relaxed);
        if self.refusal.set(refusal).is_ok() {
            refusal.record();
        }
        refusal
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;
    use crate::{
        fairness::Caller,
        graphql::engine::client_limits::answers::{AnswerBudget, AnswerLimits},
    };

    #[test]
    fn a_meter_refuses_what_exceeds_the_answer_and_everything_after_it() {
        let budget = AnswerBudget::new(AnswerLimits { answer: 100, loaded: 100, client: 1000, node: 1000 });
        let meter = AnswerMeter::new(100, budget.for_client(Caller::Server));
        assert_eq!([meter.add(60), meter.add(40)], [Ok(()), Ok(())]);
        assert_eq!((meter.left(), meter.refusal(), budget.in_flight()), (0, None, 100));
        let refused = Err(AnswerRefusal::TooLarge(100));
        assert_eq!([meter.add(1), meter.add(0)], [refused, refused]);
        drop(meter);
        assert_eq!(budget.in_flight(), 0);
    }

    #[test]
    fn values_of_the_executor_count_with_the_memory_that_they_take() {
        let budget = AnswerBudget::new(AnswerLimits { answer: 1 << 20, loaded: 100, client: 1 << 20, node: 1 << 30 });
        let address = Caller::Address(crate::domain::ClientAddress::V4([192, 0, 2, 1].into()));
        let meter = AnswerMeter::new(1 << 20, budget.for_client(address));
        let values = (1 << 20) / (VALUE_BYTES + 10) - STEP / VALUE_BYTES;
        for _ in 0..values {
            assert_eq!(meter.add_value(10), Ok(()));
        }
        assert_eq!(meter.written(), 10 * values);
        assert!(budget.in_flight() >= values * VALUE_BYTES, "{} bytes", budget.in_flight());
        let refused = (0..1000).map(|_| meter.add_value(10)).find(Result::is_err);
        assert_eq!(refused, Some(Err(AnswerRefusal::TakesTooMuch(1 << 20))));
    }

    #[test]
    fn a_turn_is_over_after_some_bytes_or_values() {
        let limits = AnswerLimits { answer: 1 << 30, loaded: 1 << 30, client: 1 << 30, node: 1 << 30 };
        let budget = AnswerBudget::new(limits);
        let meter = AnswerMeter::new(1 << 30, budget.for_client(Caller::Server));
        let polls = |values: usize, bytes: usize| {
            let writing = async {
                for _ in 0..values {
                    meter.take_turns(bytes).await;
                }
            };
            let (mut writing, mut polls) = (pin!(writing), 1);
            while writing.as_mut().now_or_never().is_none() {
                polls += 1;
                assert!(meter.turn_is_over());
                meter.begin_turn();
            }
            polls
        };
        assert_eq!(polls(10, 10), 1);
        assert_eq!(polls(100, TURN), 101);
        assert!((4..=6).contains(&polls(1000, 100)));
    }

    #[test]
    fn a_meter_refuses_what_the_node_has_no_room_for() {
        let budget = AnswerBudget::new(AnswerLimits { answer: 1 << 20, loaded: 1 << 20, client: 1 << 20, node: STEP });
        let (one, other) = (
            AnswerMeter::new(1 << 20, budget.for_client(Caller::Server)),
            AnswerMeter::new(1 << 20, budget.for_client(Caller::Server)),
        );
        assert_eq!(one.add(1), Ok(()));
        assert_eq!(other.add(1), Err(AnswerRefusal::NodeIsFull(STEP)));
        drop(one);
        assert_eq!(other.add(1), Err(AnswerRefusal::NodeIsFull(STEP)), "a part of it is missing");
    }
}
