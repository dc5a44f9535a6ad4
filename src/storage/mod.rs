//! The storage traits: what Orderwire needs from a database. They name no driver.
//!
//! Every method is one atomic operation: it happens as a whole or not at all, and an acknowledged write survives a
//! crash. Batch reads return one result for each key, in the order of the keys, `None` for what is missing. Reads never
//! wait for writes.
//!
//! # Adding an engine
//! 1. Implement [`Store`] and its parts in a folder of its own that imports only this module and `crate::domain`.
//! 2. Append to the event log inside the transaction of each change, taking `seq` last (see [`EventStore`]).
//! 3. Name it in `app.rs`, and instantiate the behaviour suite of `tests/it/contract` for it: it must pass unchanged.
//!
//! Decision: `docs/decisions/0002-storage-traits.md`.

mod api_key;
mod consumer;
mod delivery;
mod deployment;
mod error;
mod event;
mod export;
mod import;
mod instrumented;
mod job;
mod log_text;
pub mod mongo;
mod near_cache;
mod operation;
mod order;
mod product;
mod session;
mod shared_cache;
pub mod sqlite;
mod store;
mod task;
#[cfg(test)]
mod tests;
mod user;

pub use api_key::ApiKeyStore;
pub use consumer::{ConsumerStore, LeasedConsumer};
pub use delivery::{DeliveryStore, KEPT_DELIVERIES};
pub use deployment::DeploymentId;
pub use error::{Result, StoreError};
use event::Appends;
pub use event::{Appended, Backlog, Epoch, EventStore, LogPage, LogState, NewEpoch, OwnChanges, PAGE_BYTES};
pub use export::{ExportBatch, ExportKind, ExportStore};
pub use import::ImportStore;
pub use instrumented::{BeforeCall, CallCounts, Instrumented};
pub use job::{JobFilter, JobStore, LeasedJob};
pub use near_cache::NearCache;
pub use operation::{one_operation, uncached};
pub use order::{Moved, OrderQuery, OrderStore, Placed};
pub use product::{ProductQuery, ProductStore};
pub use session::{Rotation, Session, SessionStore, SessionUser};
pub use shared_cache::SharedCache;
pub use store::{InstrumentedStore, Store};
pub use task::{TaskQuery, TaskStore};
pub use user::{Credentials, UserQuery, UserStore};
