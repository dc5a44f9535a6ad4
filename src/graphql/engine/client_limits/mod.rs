//! What one client may take of this node beside the points of its operations: requests, bytes of answers that are in
//! flight, and subscriptions that stay open.
//!
//! Decision: `docs/decisions/0023-what-a-client-may-hold.md`.

mod answers;
mod counters;
mod meter;
mod requests;
mod subscriptions;

use std::sync::Arc;

pub use answers::{AnswerBudget, AnswerLimits, AnswerRefusal, HeldBytes};
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
