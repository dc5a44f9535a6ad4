//! What one client may take of this node beside the points of its operations: requests, bytes of answers that are in
//! flight and of what is loaded for them, and subscriptions that stay open.
//!
//! Decisions: `docs/decisions/0023-what-a-client-may-hold.md`, `docs/decisions/0025-rows-and-loaded-bytes.md`.

mod answers;
mod loads;
mod meter;
mod requests;
mod subscriptions;

use std::sync::Arc;

pub use answers::{AnswerBudget, AnswerLimits, AnswerRefusal, HeldBytes};
pub use loads::LoadMeter;
pub use meter::AnswerMeter;
pub use requests::{RequestLimiter, RequestsExhausted};
pub use subscriptions::{SubscriptionLimiter, SubscriptionLimits, SubscriptionPermit, SubscriptionShare};

/// The limits of this node.
pub struct ClientLimits {
    /// Requests of an address.
    pub requests: RequestLimiter,
    /// Bytes of answers.
    pub answers: Arc<AnswerBudget>,
    /// Open subscriptions.
    pub subscriptions: Arc<SubscriptionLimiter>,
}
