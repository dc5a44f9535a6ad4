//! The event log in the schema.

mod entity;
mod list;
mod query;
mod types;

pub use entity::EventEntity;
pub use query::EventQuery;
pub use types::Event;
pub(super) use types::visible;
