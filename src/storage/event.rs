//! Storage of the event log; `crate::domain::Event` says how its numbers are given.

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{Event, LogFilter, LogId, Seq};

/// The bounds of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// Id of the log, chosen at random when the database is created.
    pub log: LogId,
    /// The number of the last entry, 0 for an empty log.
    pub head: Seq,
    /// The number before the oldest entry that is kept: a reader that has seen all entries up to it misses nothing.
    pub horizon: Seq,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// Matching entries, in order.
    pub events: Vec<Event>,
    /// No matching entry up to and including this number is missing from `events`: the last entry's number when the
    /// limit was reached, else the head of the log when it was read.
    pub through: Seq,
}

impl LogPage {
    /// The answer to a read of up to `limit` entries after `after`. `head` is the end of the log when it was read; a
    /// reader that is further (after a restore from a backup) keeps its place.
    pub fn new(events: Vec<Event>, after: Seq, limit: u32, head: Seq) -> Self {
        let is_full = events.len() >= limit as usize;
        let through = match events.last() {
            Some(last) if is_full => last.seq,
            None if is_full => after,
            _ => head.max(after),
        };
        Self { events, through }
    }
}

/// The event log. Entries are appended by the methods that change things, each inside its own transaction, the number
/// taken from the log's one counter as late as possible and held until the transaction ends: numbers have no gaps and
/// become visible in order.
#[async_trait]
pub trait EventStore {
    /// The bounds of the log.
    async fn log_state(&self) -> Result<LogState>;
    /// Up to `limit` matching entries with a number above `after`, in order.
    async fn read_log(&self, after: Seq, filter: LogFilter, limit: u32) -> Result<LogPage>;
}

instrument!(EventStore {
    fn log_state() -> LogState;
    fn read_log(after: Seq, filter: LogFilter, limit: u32) -> LogPage;
});
