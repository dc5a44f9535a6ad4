//! Who makes a change, with what permission, and when.
//!
//! Decision: `docs/decisions/0021-rights-end-by-the-log.md`.

use super::{Refusal, SessionId, Timestamp, User, UserId, UserRole};

/// The author, the permission and the time of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// User who makes the change; `None` for Orderwire itself.
    pub actor: Option<UserId>,
    /// What allows the change.
    pub permission: Permission,
    /// Time of the change.
    pub at: Timestamp,
}

/// What allows a change. It was checked before the change, and the step that writes checks it again, because it may have
/// been taken away in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Orderwire itself makes the change.
    System,
    /// The entity is the actor's own. The request came in this session.
    Owner(SessionId),
    /// The actor is staff or an admin. The request came in this session.
    Staff(SessionId),
}

impl Stamp {
    /// A change by Orderwire itself.
    pub const fn system(at: Timestamp) -> Self {
        Self { actor: None, permission: Permission::System, at }
    }

    /// The session to read before [`Stamp::check_session`]; `None` if a change by Orderwire itself needs none.
    pub fn session(self) -> Option<SessionId> {
        match self.permission {
            Permission::System => None,
            Permission::Owner(session) | Permission::Staff(session) => Some(session),
        }
    }

    /// Refuses a change if its session has ended, as it does with its user. `owner` is the user of the session, if it is
    /// there.
    pub fn check_session(self, owner: Option<UserId>) -> Result<(), Refusal> {
        if owner.is_some() && owner == self.actor { Ok(()) } else { Err(Refusal::SessionEnded) }
    }

    /// The user to read before [`Stamp::check_staff`], if the change needs staff.
    pub fn staff(self) -> Option<UserId> {
        self.actor.filter(|_| matches!(self.permission, Permission::Staff(_)))
    }

    /// Whether the change is allowed only because the actor owns the entity, and none of these users is the actor.
    pub fn lacks_owner(self, owners: &[Option<UserId>]) -> bool {
        matches!(self.permission, Permission::Owner(_)) && !owners.contains(&self.actor)
    }

    /// Refuses a change that needs staff if the actor is none any more.
    pub fn check_staff(actor: Option<&User>) -> Result<(), Refusal> {
        let is_staff = actor.is_some_and(|user| !user.is_deleted() && user.role >= UserRole::Staff);
        if is_staff { Ok(()) } else { Err(Refusal::RightLost) }
    }
}
