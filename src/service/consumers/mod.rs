//! Runs the consumers of the event log: each follows the log from its stored position and takes its entries in order, the
//! next one not before the last one is taken.
//!
//! # Who runs a consumer
//! Each process that runs consumers asks the store for leases, some seconds apart, and extends those that it has. A process
//! starts no delivery that might end after its leases, and ends those of consumers whose lease it has lost or that were changed.
//! So one process at a time delivers. If a process is stopped in the middle for longer than its lease, another one may deliver
//! the same entry again, but the store refuses the position of the first: the lease has an older fence.
//!
//! # What is lost, and what comes twice
//! Nothing is lost: a position is saved after the entries before it were taken, a quarter of a second later at most, so that many
//! deliveries cost one write. What was taken after the position that was saved last comes again after a crash, with the same id.
//! A process that stops saves its positions.
//!
//! Decision: `docs/decisions/0032-consumers-of-the-log.md`.

mod batch;
mod lease;
mod metrics;
mod options;
mod retry;
mod run;
mod runner;
mod sink;

pub use batch::Batch;
pub use options::ConsumerOptions;
pub use retry::retry_delay;
pub use runner::Consumers;
pub use sink::{Failure, OpenSink, Sink};
