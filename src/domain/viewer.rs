//! Who is asking, and what they may see.

use super::{SessionId, UserId, UserRole};

/// The user, or none, that a request is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Nobody signed in: may read active products, register and sign in.
    Anonymous,
    /// A signed-in user with the rights they have now.
    User {
        /// The signed-in user.
        id: UserId,
        /// The role they have now.
        role: UserRole,
        /// The session the request came in.
        session: SessionId,
    },
    /// Orderwire itself: imports, the command line, background jobs.
    System,
}

/// What decides what a viewer may see: two viewers with equal rights see the same fields of an order, task or product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// What anyone may see.
    Anonymous,
    /// What belongs to this user.
    Customer(UserId),
    /// What staff may see.
    Staff,
    /// What administrators may see.
    Admin,
}

impl Viewer {
    /// The rights of the viewer.
    pub fn rights(&self) -> Rights {
        match self {
            Self::Anonymous => Rights::Anonymous,
            Self::User { id, role: UserRole::Customer, .. } => Rights::Customer(*id),
            Self::User { role: UserRole::Staff, .. } => Rights::Staff,
            Self::User { role: UserRole::Admin, .. } | Self::System => Rights::Admin,
        }
    }

    /// The signed-in user.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Anonymous | Self::System => None,
        }
    }

    /// The user whose orders and tasks are all that the viewer may see; `None` for staff, who see everyone's.
    pub fn own(&self) -> Option<UserId> {
        self.user_id().filter(|_| !self.is_staff())
    }

    /// Whether the viewer manages products, orders and tasks and reads users.
    pub fn is_staff(&self) -> bool {
        matches!(self, Self::System | Self::User { role: UserRole::Staff | UserRole::Admin, .. })
    }

    /// Whether the viewer manages users.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::System | Self::User { role: UserRole::Admin, .. })
    }

    /// Whether the viewer is this user.
    pub fn is(&self, user: UserId) -> bool {
        self.user_id() == Some(user)
    }

    /// Whether the viewer may know that this user exists.
    pub fn sees_user(&self, user: UserId) -> bool {
        self.is_staff() || self.is(user)
    }
}
