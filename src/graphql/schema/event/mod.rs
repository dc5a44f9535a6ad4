//! The event log in the schema.

mod entity;
mod list;
mod query;
mod types;

pub use query::EventQuery;
pub(super) use types::visible;
pub use types::{Event, EventKind};
