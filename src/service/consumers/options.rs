//! How consumers are run.

use std::time::Duration;

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
    /// The names of consumers that this process leaves to others, because it has no settings for them.
    pub without: Vec<String>,
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            lease_every: Duration::from_secs(3),
            longest_delivery: Duration::from_secs(25),
            most: 1000,
            without: Vec::new(),
        }
    }
}
