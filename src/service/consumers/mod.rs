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
//! Nothing is lost: a position is saved after the entries before it were taken. What was taken after the position that was saved
//! last comes again after a crash, with the same id. A process that stops saves its positions.
//!
//! Decision: `docs/decisions/0032-consumers-of-the-log.md`.

mod batch;
mod lease;
mod metrics;
mod retry;
mod run;
mod runner;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

pub use batch::Batch;
pub use retry::retry_delay;
pub use runner::Consumers;

use crate::domain::{Consumer, EventFilter};

/// Where the entries of a consumer go.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Which entries it takes.
    fn filter(&self) -> &EventFilter;

    /// Takes the entries of the batch, one after the other, until there is none or one can't be taken. Says why not. This may be
    /// dropped at any time; what the batch says is taken then counts.
    async fn deliver(&self, batch: &mut Batch) -> Result<(), String>;
}

/// Opens the sink of a consumer, or says why that is not possible.
pub type OpenSink = Arc<dyn Fn(&Consumer) -> Result<Arc<dyn Sink>, String> + Send + Sync>;

/// How consumers are run.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// How long a lease lasts, and so how long it takes until another process goes on after a crash.
    pub lease: Duration,
    /// How often leases are extended and free ones are looked for.
    pub lease_every: Duration,
    /// The longest time that one delivery takes: none is started later than that before the end of a lease.
    pub longest_delivery: Duration,
    /// The most consumers that this process runs at the same time.
    pub most: u32,
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            lease_every: Duration::from_secs(3),
            longest_delivery: Duration::from_secs(15),
            most: 1000,
        }
    }
}
