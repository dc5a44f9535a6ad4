//! Users and their accounts in the schema.

mod account;
mod fields;
mod list;
mod mutation;
mod query;
mod ticket;
mod types;

pub use account::AccountMutation;
pub use mutation::UserMutation;
pub use query::UserQuery;
pub use ticket::TicketMutation;
pub use types::User;
pub(super) use types::{participant, visible};
