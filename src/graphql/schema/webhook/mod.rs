//! Webhooks in the schema.

mod delivery;
mod mutation;
mod query;
mod types;

pub use mutation::WebhookMutation;
pub use query::WebhookQuery;
pub use types::Webhook;
pub(super) use types::visible;
