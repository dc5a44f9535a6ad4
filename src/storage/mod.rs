//! The storage traits: what a database has to be able to do for Orderwire, free of any driver.
//!
//! Every method is one atomic operation: it happens as a whole or not at all, and an acknowledged write survives a
//! crash. Batch reads answer in the order of what was asked, `None` for what is missing. Reads never wait for writes.
//!
//! # Adding an engine
//! 1. Implement [`Store`] and its parts in a folder of its own that imports only this module and `crate::domain`.
//! 2. Append to the event log inside the transaction of each change, taking `seq` last (see [`EventStore`]).
//! 3. Name it in `app.rs`, and instantiate the behaviour suite of `tests/it/contract` for it: it has to pass unchanged.
//!
//! Decision: `docs/decisions/0002-storage-traits.md`.

mod error;
mod event;
mod import;
pub mod mongo;
mod observed;
mod order;
mod product;
mod session;
pub mod sqlite;
mod task;
mod user;

pub use error::{Result, StoreError};
pub use event::{EventStore, LogPage, LogState};
pub use import::ImportStore;
pub use observed::{CallCounts, Observed};
pub use order::{OrderQuery, OrderStore, Placed};
pub use product::{ProductQuery, ProductStore};
pub use session::{Rotation, Session, SessionStore, TokenHash};
pub use task::{TaskQuery, TaskStore};
pub use user::{Credentials, UserQuery, UserStore};

use crate::domain::{Event, Timestamp};

/// A complete storage engine.
#[async_trait::async_trait]
pub trait Store:
    UserStore + SessionStore + ProductStore + OrderStore + TaskStore + EventStore + ImportStore + Send + Sync + 'static
{
    /// The engine's name for logs and metrics: `sqlite` or `mongodb`.
    fn engine(&self) -> &'static str;

    /// Succeeds when the engine can serve reads and writes now.
    async fn ping(&self) -> Result<()>;

    /// Deletes what is no longer needed: log entries older than `log_before` (the newest entry always stays, so that
    /// numbering goes on), sessions expired at `now`, idempotency records older than `keys_before`.
    async fn prune(&self, now: Timestamp, log_before: Timestamp, keys_before: Timestamp) -> Result<()>;

    /// Waits for running writes and closes connections.
    async fn close(&self);
}

/// What a change left behind: its result and the log entries it appended, in log order, to be announced.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed<T> {
    /// The result.
    pub value: T,
    /// The appended entries; empty when nothing changed.
    pub events: Vec<Event>,
}
