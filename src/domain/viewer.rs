//! Who is asking, and what they may see.
//!
//! Decision: `docs/decisions/0034-api-keys.md`.

use super::{ApiKeyId, Scope, Scopes, SessionId, UserId, UserRole};

/// The user or machine, or nobody known, that a request is made for.
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
    /// A machine with an API key: may do what staff may do in the areas of its scopes, and nothing else. It is no user: it has
    /// no account, and nothing is its own.
    Key {
        /// The key.
        id: ApiKeyId,
        /// The admin who made the key, in whose name it makes changes.
        creator: UserId,
        /// The role that its creator has now.
        creator_role: UserRole,
        /// The scopes of the key that this role still allows.
        scopes: Scopes,
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
    /// What API keys with these scopes may see.
    Key(Scopes),
}

impl Viewer {
    /// The rights of the viewer.
    pub fn rights(&self) -> Rights {
        match self {
            Self::Anonymous => Rights::Anonymous,
            Self::User { id, role: UserRole::Customer, .. } => Rights::Customer(*id),
            Self::User { role: UserRole::Staff, .. } => Rights::Staff,
            Self::User { role: UserRole::Admin, .. } | Self::System => Rights::Admin,
            Self::Key { scopes, .. } => Rights::Key(*scopes),
        }
    }

    /// The signed-in user.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Anonymous | Self::Key { .. } | Self::System => None,
        }
    }

    /// The user in whose name the viewer makes changes: the signed-in user, or the creator of the API key.
    pub fn actor(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } | Self::Key { creator: id, .. } => Some(*id),
            Self::Anonymous | Self::System => None,
        }
    }

    /// The user whose orders and tasks are all that the viewer may see; `None` for staff, who see everyone's.
    pub fn own(&self) -> Option<UserId> {
        self.user_id().filter(|_| !self.is_staff())
    }

    /// Whether the viewer may do what this scope stands for: staff, API keys that have it, and Orderwire itself.
    pub fn may(&self, scope: Scope) -> bool {
        match self {
            Self::Anonymous => false,
            Self::User { role, .. } => *role >= scope.least_role(),
            Self::Key { scopes, .. } => scopes.contains(scope),
            Self::System => true,
        }
    }

    /// Whether the viewer is a staff member, an admin or Orderwire itself. [`Viewer::may`] knows API keys, too.
    pub fn is_staff(&self) -> bool {
        matches!(self, Self::System | Self::User { role: UserRole::Staff | UserRole::Admin, .. })
    }

    /// Whether the viewer manages users and API keys.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::System | Self::User { role: UserRole::Admin, .. })
    }

    /// Whether the viewer is this user.
    pub fn is(&self, user: UserId) -> bool {
        self.user_id() == Some(user)
    }

    /// Whether the viewer may know that this user exists.
    pub fn sees_user(&self, user: UserId) -> bool {
        self.may(Scope::ReadUsers) || self.is(user)
    }
}
