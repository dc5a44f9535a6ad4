//! Settings of the event feed.

use std::time::Duration;

use super::section::section;

section! {
    /// The event feed, which serves subscriptions.
    "feed" Feed {
        /// How many recent events each node keeps in memory for its subscribers.
        recent: usize = 4096, in 1..=10_000_000;
        /// How much memory these events may take, estimated in bytes. Large events are kept for a shorter time.
        recent_bytes: usize = 64 * 1024 * 1024, in 1024 * 1024..=16 * 1024 * 1024 * 1024;
        /// How many entries of the event log one read returns.
        page: u32 = 256, in 1..=10_000;
        /// How often the event log is read at least. An event that Redis lost, or that another node wrote when there is no
        /// Redis, arrives this late at most; so does the end of a session, after which its connections close within 2 s with
        /// the default.
        poll_every: Duration = Duration::from_millis(500), in Duration::from_millis(10)..=Duration::from_secs(3600);
        /// How long to wait for an event that arrives out of order before the event log is read for it.
        reorder_wait: Duration = Duration::from_millis(20), in Duration::from_millis(1)..=Duration::from_secs(10);
        /// How many entries a subscriber may fall behind before its subscription is ended.
        max_behind: u32 = 100_000, in 1..=u32::MAX;
        /// How long a subscriber waits for a failing database before its subscription is ended.
        patience: Duration = Duration::from_secs(10), in Duration::ZERO..=Duration::from_secs(3600);
        /// How many subscribers may read the event log at the same time; the others queue. One client has as many of
        /// these reads at once as half of the cores.
        concurrent_reads: usize = 8, in 1..=1000;
    }
}
