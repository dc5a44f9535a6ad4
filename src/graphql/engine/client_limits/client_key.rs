//! Whom limits count as one client.

use crate::domain::{ClientAddress, UserId, Viewer};

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
