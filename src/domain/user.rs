//! Users and their roles.

use serde::{Deserialize, Serialize};

use super::{
    Position, Refusal, SearchTerms, SearchWords, SortKey, Timestamp,
    declare::{sort_enum, text_enum},
    id::define_id,
    search::name_key,
    version::{check_version, next_version},
};

define_id!(
    /// Id of a [`User`].
    UserId, "usr"
);

text_enum! {
    /// What a user may do; see [`super::Viewer`].
    #[derive(PartialOrd, Ord)]
    pub enum UserRole {
        /// Sees and changes what is their own.
        Customer => "CUSTOMER",
        /// Manages products, orders and tasks, reads users.
        Staff => "STAFF",
        /// Manages users and roles too.
        Admin => "ADMIN",
    }
}

/// A person with an account. The password hash is never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Id with the prefix `usr_`.
    pub id: UserId,
    /// Normalised and unique, see [`super::text::email`]; `None` once the user is deleted.
    pub email: Option<String>,
    /// Display name.
    pub name: String,
    /// What the user may do.
    pub role: UserRole,
    /// Free-text region, such as a country.
    pub region: Option<String>,
    /// Time when the account was deleted and anonymised. Deleted users are found by id only, never in lists.
    pub deleted_at: Option<Timestamp>,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// Time when the account was made.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

impl User {
    /// The user after a change; `None` if the user has all the new values already. `expected_version` refuses a change
    /// of another version.
    pub fn update(
        &self,
        changes: UserChanges,
        expected_version: Option<i32>,
        at: Timestamp,
    ) -> Result<Option<Self>, Refusal> {
        let old = self.clone().present()?;
        if changes == UserChanges::default() {
            return Err(Refusal::NothingToChange);
        }
        check_version(expected_version, old.version)?;
        let user = Self {
            email: changes.email.or(old.email),
            name: changes.name.unwrap_or(old.name),
            region: changes.region.unwrap_or(old.region),
            role: changes.role.unwrap_or(old.role),
            ..old
        };
        if user == *self {
            return Ok(None);
        }
        Ok(Some(Self { version: next_version(user.version)?, updated_at: at, ..user }))
    }

    /// The user after a change of the password, which counts as a change of the user.
    pub fn change_password(self, at: Timestamp) -> Result<Self, Refusal> {
        let user = self.present()?;
        Ok(Self { version: next_version(user.version)?, updated_at: at, ..user })
    }

    /// What remains of a deleted user: the id, for the orders and tasks that name it.
    pub fn anonymise(self, at: Timestamp) -> Result<Self, Refusal> {
        let user = self.present()?;
        Ok(Self {
            email: None,
            name: "Deleted user".to_owned(),
            region: None,
            role: UserRole::Customer,
            deleted_at: Some(at),
            version: next_version(user.version)?,
            updated_at: at,
            ..user
        })
    }

    /// Refuses a change that needs an admin if this user, who makes it, is none any more. The step that writes asks this, so
    /// that of two admins who take each other's role away one remains.
    pub fn check_is_admin(&self) -> Result<(), Refusal> {
        let is_admin = !self.is_deleted() && self.role == UserRole::Admin;
        if is_admin { Ok(()) } else { Err(Refusal::RightLost) }
    }

    /// Whether the account was deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// The user unless deleted: a deleted user can't be changed.
    fn present(self) -> Result<Self, Refusal> {
        if self.is_deleted() { Err(Refusal::NotFound) } else { Ok(self) }
    }
}

/// What entries of the log say of a user: that the version is another one. They say nothing about the person, because the
/// log keeps them longer than a user who is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserVersion {
    /// Id of the user.
    pub id: UserId,
    /// The version after the change.
    pub version: i32,
}

/// A change of a user: `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// A new name.
    pub name: Option<String>,
    /// A new e-mail address, normalised.
    pub email: Option<String>,
    /// A new region, or `Some(None)` to remove it.
    pub region: Option<Option<String>>,
    /// A new role.
    pub role: Option<UserRole>,
}

/// Selects the users of a list. Deleted users are never listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct UserFilter {
    /// Words of the name or e-mail address.
    pub search: Option<SearchTerms>,
    /// Only users with this role.
    pub role: Option<UserRole>,
}

sort_enum! {
    /// The fields that a list of users can be sorted by.
    pub enum UserSort {
        /// Time when the account was made.
        CreatedAt: Int = 0,
        /// The lower-case name.
        Name: Text = 1,
    }
}

impl UserSort {
    /// The position of `user` in a list sorted by this field.
    pub fn position(self, user: &User) -> Position {
        let key = match self {
            Self::CreatedAt => SortKey::Int(user.created_at.unix_millis()),
            Self::Name => SortKey::Text(User::name_key(&user.name)),
        };
        Position { key, id: user.id.ulid() }
    }
}

impl User {
    /// The words by which a user is found.
    pub fn search_words(name: &str, email: Option<&str>) -> SearchWords {
        SearchWords::of([name], email)
    }

    /// The form of a name by which lists are sorted, at most 400 characters.
    pub fn name_key(name: &str) -> String {
        name_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> User {
        let at = Timestamp::from_unix_millis(1);
        User {
            id: UserId::generate(at),
            email: Some("anna@example.com".to_owned()),
            name: "Anna".to_owned(),
            role: UserRole::Admin,
            region: Some("France".to_owned()),
            deleted_at: None,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn an_update_needs_a_field_and_another_value_makes_the_version() {
        let at = Timestamp::from_unix_millis(2);
        let old = anna();
        assert_eq!(old.update(UserChanges::default(), Some(7), at), Err(Refusal::NothingToChange));
        let same = UserChanges {
            name: Some(old.name.clone()),
            email: old.email.clone(),
            region: Some(old.region.clone()),
            role: Some(old.role),
        };
        assert_eq!(old.update(same.clone(), Some(1), at), Ok(None));
        assert_eq!(old.update(same.clone(), Some(7), at), Err(Refusal::VersionMismatch { actual: 1 }));
        let new = User { region: None, version: 2, updated_at: at, ..old.clone() };
        assert_eq!(old.update(UserChanges { region: Some(None), ..same }, None, at), Ok(Some(new)));
    }

    #[test]
    fn a_deleted_user_can_not_be_changed() {
        let at = Timestamp::from_unix_millis(2);
        let gone = anna().anonymise(at).unwrap();
        assert_eq!((gone.version, gone.deleted_at, gone.updated_at), (2, Some(at), at));
        assert_eq!(gone.clone().update(UserChanges::default(), Some(1), at), Err(Refusal::NotFound));
        assert_eq!(gone.clone().change_password(at), Err(Refusal::NotFound));
        assert_eq!(gone.anonymise(at), Err(Refusal::NotFound));
    }
}
