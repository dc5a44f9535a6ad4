//! Jobs: runs those that are due, and lets admins see and change them.
//!
//! Each process that runs jobs asks the store, some seconds apart and when it has stored one itself, for those that are due, and
//! gets a lease of each. While an attempt runs, its lease is extended. If the process ends or hangs for longer than the lease,
//! another one begins the job again; the store then refuses what the first one says of it. So each job is done at least once, and
//! its work must not mind to be done again.
//!
//! Decision: `docs/decisions/0039-jobs.md`.

mod attempt;
mod manage;
mod runner;
mod work;

pub use runner::{JobRunner, RunnerOptions};
pub use work::{Schedule, Work};
