//! Jobs in the schema.

mod mutation;
mod query;
mod types;

pub use mutation::JobMutation;
pub use query::JobQuery;
pub use types::Job;
