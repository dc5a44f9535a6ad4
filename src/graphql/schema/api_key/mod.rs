//! API keys in the schema.

mod fields;
mod list;
mod mutation;
mod query;
mod types;

pub use mutation::ApiKeyMutation;
pub use query::ApiKeyQuery;
pub use types::ApiKey;
