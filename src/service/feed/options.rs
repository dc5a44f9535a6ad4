//! How the feed behaves.

use std::time::Duration;

/// How the feed behaves.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// Events kept in memory for subscribers, at least 1.
    pub recent: usize,
    /// Estimated bytes of memory that these events may take.
    pub recent_bytes: usize,
    /// Entries read from the log at a time, at least 1.
    pub page: u32,
    /// The longest time between two reads of the log.
    pub poll_every: Duration,
    /// How long a missing bus message is waited for before the log is read.
    pub reorder_wait: Duration,
    /// How many entries a subscriber may fall behind (on top of what it began with) before it is ended.
    pub max_behind: u32,
    /// How long a subscriber waits for a failing database before it is ended.
    pub patience: Duration,
    /// Subscribers that read the log at the same time, a quarter of them (one at least) for one caller; the others wait.
    pub concurrent_reads: usize,
}
