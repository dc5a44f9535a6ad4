//! Turns between callers: who a piece of work is done for, what counts its reads, and queues in which each caller waits
//! behind their own work.
//!
//! What is scarce (threads that read or write, transactions, password hashes, reads of the log) is given out by a
//! [`FairQueue`] or a [`FairSemaphore`]. Callers that wait there take turns, so a caller with a thousand waiting changes
//! delays another one by one change, not by a thousand. Work that keeps a core of this process busy, such as a large answer,
//! is done in pieces, each in a [`CoreTurn`].
//!
//! Decision: `docs/decisions/0024-callers-take-turns.md`.

mod caller;
mod core_turn;
mod counters;
mod meter;
mod queue;
mod semaphore;

pub use caller::{Caller, current_caller, deadline, read_meter, run_for, run_metered, run_until, run_without_deadline};
pub use core_turn::{CoreTurn, core_turn};
pub use counters::{ClientCounters, CounterIndex, try_add};
pub use meter::{ExaminedRows, OverBudget, ReadMeter};
pub use queue::{FairQueue, QueueFull};
pub use semaphore::{FairPermit, FairSemaphore, NoPermit, cores};
