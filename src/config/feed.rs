//! The event feed.

use std::time::Duration;

use super::reader::section;

section! {
    /// The event feed, which serves subscriptions.
    "feed" Feed {
        /// Events that a node keeps in memory for its subscribers.
        recent: usize = 4096, in 1..=10_000_000;
        /// Entries of the event log that are read at a time.
        page: u32 = 256, in 1..=10_000;
        /// How long the event log may go unread: how late an event may be when the bus lost it, or there is none.
        poll_every: Duration = Duration::from_millis(500), in Duration::from_millis(10)..=Duration::from_secs(3600);
        /// How long an event that others overtook is waited for before the event log is read.
        reorder_wait: Duration = Duration::from_millis(20), in Duration::from_millis(1)..=Duration::from_secs(10);
        /// How many entries a subscriber may fall behind before its subscription is ended.
        max_behind: u32 = 100_000, in 1..=u32::MAX;
        /// How long a subscriber waits for a failing database before its subscription is ended.
        patience: Duration = Duration::from_secs(10), in Duration::ZERO..=Duration::from_secs(3600);
        /// Subscribers that read the event log at the same time; the others wait their turn.
        concurrent_reads: usize = 8, in 1..=1000;
    }
}
