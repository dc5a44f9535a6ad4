//! Users and their roles.

use serde::{Deserialize, Serialize};

use super::{Position, SearchTerms, SortKey, Timestamp, UserId, search::name_key};

/// What a user may do; see [`super::Viewer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserRole {
    /// Sees and changes what is their own.
    Customer,
    /// Manages products, orders and tasks, reads users.
    Staff,
    /// Manages users and roles too.
    Admin,
}

/// A person with an account. The password hash is never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Lower-case and unique; `None` once the user is deleted.
    pub email: Option<String>,
    /// Display name.
    pub name: String,
    /// What they may do.
    pub role: UserRole,
    /// Free-text region, such as a country.
    pub region: Option<String>,
    /// Set when the account was deleted and anonymised. Deleted users are found by id only, never in lists.
    pub deleted_at: Option<Timestamp>,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// What remains of the user after deletion: the id, for the orders and tasks that name it.
    pub fn anonymised(self, at: Timestamp) -> Self {
        Self {
            email: None,
            name: "Deleted user".to_owned(),
            region: None,
            role: UserRole::Customer,
            deleted_at: Some(at),
            version: self.version + 1,
            updated_at: at,
            ..self
        }
    }

    /// The user with `changes` made.
    pub fn changed(self, changes: UserChanges, at: Timestamp) -> Self {
        Self {
            email: changes.email.or(self.email),
            name: changes.name.unwrap_or(self.name),
            region: changes.region.unwrap_or(self.region),
            role: changes.role.unwrap_or(self.role),
            version: self.version + 1,
            updated_at: at,
            ..self
        }
    }
}

/// What to change of a user; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// A new name.
    pub name: Option<String>,
    /// A new lower-case e-mail address.
    pub email: Option<String>,
    /// A new region, or `Some(None)` to remove it.
    pub region: Option<Option<String>>,
    /// A new role.
    pub role: Option<UserRole>,
}

/// Which users a list holds. Deleted ones are never listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct UserFilter {
    /// Words of the name or e-mail address.
    pub search: Option<SearchTerms>,
    /// Only this role.
    pub role: Option<UserRole>,
}

/// What users are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserSort {
    /// When the account was made.
    CreatedAt,
    /// The lower-case name.
    Name,
}

impl UserSort {
    /// Where `user` stands in a list sorted by this field.
    pub fn position(self, user: &User) -> Position {
        let key = match self {
            Self::CreatedAt => SortKey::Int(user.created_at.unix_millis()),
            Self::Name => SortKey::Text(User::name_key(&user.name)),
        };
        Position { key, id: user.id.ulid() }
    }
}

impl User {
    /// What names are compared by in sorting.
    pub fn name_key(name: &str) -> String {
        name_key(name)
    }
}
