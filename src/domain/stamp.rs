//! Who makes a change, with what permission, and when.

use super::{Refusal, Timestamp, User, UserId, UserRole};

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
    /// The entity is the actor's own.
    Owner,
    /// The actor is staff or an admin.
    Staff,
}

impl Stamp {
    /// A change by Orderwire itself.
    pub const fn system(at: Timestamp) -> Self {
        Self { actor: None, permission: Permission::System, at }
    }

    /// The user to read before [`Stamp::check_staff`], if the change needs staff.
    pub fn staff(self) -> Option<UserId> {
        self.actor.filter(|_| self.permission == Permission::Staff)
    }

    /// Refuses a change that needs staff if the actor is none any more.
    pub fn check_staff(actor: Option<&User>) -> Result<(), Refusal> {
        let is_staff = actor.is_some_and(|user| !user.is_deleted() && user.role >= UserRole::Staff);
        if is_staff { Ok(()) } else { Err(Refusal::RightLost) }
    }
}
