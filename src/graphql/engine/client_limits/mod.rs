//! What one client may take of this node beside the points of its operations: requests, bytes of answers that are in
//! flight, and subscriptions that stay open.
//!
//! Decision: `docs/decisions/0019-what-a-client-may-hold.md`.

mod answers;
mod counters;
mod meter;
mod requests;
mod subscriptions;

use std::sync::Arc;

use crate::domain::{ClientAddress, UserId, Viewer};

pub use answers::{AnswerBudget, AnswerLimits, AnswerRefusal, HeldBytes};
pub use meter::AnswerMeter;
pub use requests::{RequestLimiter, RequestsExhausted};
pub use subscriptions::{SubscriptionLimiter, SubscriptionLimits, SubscriptionPermit, SubscriptionShare};

/// Whom a limit counts as one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientKey {
    /// Everything of one user, from wherever.
    User(UserId),
    /// Everything from one address.
    Address(ClientAddress),
}

impl ClientKey {
    /// The user, or for an anonymous viewer the address; `None` when neither is limited.
    pub fn of(viewer: Viewer, address: Option<ClientAddress>) -> Option<Self> {
        viewer.user_id().map(Self::User).or(address.map(Self::Address))
    }
}

/// The limits of this node.
pub struct ClientLimits {
    /// Requests of an address.
    pub requests: RequestLimiter,
    /// Bytes of answers.
    pub answers: Arc<AnswerBudget>,
    /// Open subscriptions.
    pub subscriptions: Arc<SubscriptionLimiter>,
}
