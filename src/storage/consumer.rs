//! Storage of the consumers of the event log.
//!
//! Decision: `docs/decisions/0032-consumers-of-the-log.md`.

use std::time::Duration;

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{Consumer, ConsumerChanges, Progress, Stamp};

/// A consumer that one process runs until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedConsumer {
    /// The consumer.
    pub consumer: Consumer,
    /// The number of this lease. Another one is larger, also after the consumer was changed.
    pub fence: i64,
    /// How long to wait before the next attempt.
    pub retry_in: Duration,
}

/// Stores consumers. The clock of the database says how long leases last.
///
/// A lease makes it likely that one process runs a consumer; its fence makes sure that no other moves the position: each lease
/// and each change of the consumer raises it, and progress is saved in one step with comparing it.
#[async_trait]
pub trait ConsumerStore {
    /// Adds a consumer. Refuses a change by an actor who is no admin.
    async fn insert_consumer(&self, consumer: &Consumer, stamp: Stamp) -> Result<()>;
    /// Does atomically what [`Consumer::change`] decides, and ends its lease. Refuses a change by an actor who is no admin.
    async fn change_consumer(
        &self,
        name: &str,
        changes: ConsumerChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<Consumer>;
    /// Deletes a consumer. Refuses a change by an actor who is no admin.
    async fn delete_consumer(&self, name: &str, stamp: Stamp) -> Result<()>;
    /// The consumers with these names.
    async fn consumers(&self, names: &[String]) -> Result<Vec<Option<Consumer>>>;
    /// Up to `limit` consumers whose names begin with `prefix` and come after `after`, by name.
    async fn list_consumers(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<Consumer>>;
    /// Extends the leases that the process `holder` has, and gives it those of free consumers that are neither paused nor
    /// stopped, `most` at most in all, and none with a name in `without`. Returns all that it has then, by name.
    async fn lease_consumers(
        &self,
        holder: i64,
        most: u32,
        lease: Duration,
        without: &[String],
    ) -> Result<Vec<LeasedConsumer>>;
    /// Saves the progress of a lease, with the time until the next attempt; `false` if the lease is not the last one, and
    /// then nothing is saved.
    async fn save_progress(&self, name: &str, fence: i64, progress: &Progress, retry_in: Duration) -> Result<bool>;
    /// Ends the leases of a process.
    async fn release_consumers(&self, holder: i64) -> Result<()>;
}

fn size_of_changes(consumer: &Consumer) -> usize {
    size_of::<Consumer>() + consumer.definition.len()
}

instrument!(ConsumerStore {
    fn insert_consumer(consumer: &Consumer, stamp: Stamp) -> (), stores |()| size_of::<Consumer>();
    fn change_consumer(
        name: &str, changes: ConsumerChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> Consumer, stores size_of_changes;
    fn delete_consumer(name: &str, stamp: Stamp) -> (), stores |()| size_of::<Consumer>();
    fn consumers(names: &[String]) -> Vec<Option<Consumer>>, batch names;
    fn list_consumers(prefix: &str, after: &str, limit: u32) -> Vec<Consumer>;
    fn lease_consumers(holder: i64, most: u32, lease: Duration, without: &[String]) -> Vec<LeasedConsumer>;
    fn save_progress(name: &str, fence: i64, progress: &Progress, retry_in: Duration) -> bool;
    fn release_consumers(holder: i64) -> ();
});
