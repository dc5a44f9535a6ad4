//! API keys: what machines use in place of a user's session.
//!
//! Decision: `docs/decisions/0034-api-keys.md`.

use std::fmt;

use super::{
    SessionId, SortKey, Timestamp, UserId, UserRole,
    declare::{sort_enum, text_enum},
    id::define_id,
    page::Position,
};

define_id!(
    /// Id of an [`ApiKey`].
    ApiKeyId, "key"
);

impl ApiKeyId {
    /// The id by which the log, open connections and changes name the key: in them it stands where a user's session does.
    /// No session has it, because ids are random.
    pub fn as_session(self) -> SessionId {
        SessionId::from(self.ulid())
    }
}

text_enum! {
    /// An area of what staff may do. An API key has some of them.
    pub enum Scope {
        /// Reads products as staff do.
        ReadProducts => "READ_PRODUCTS",
        /// Adds and changes products and their stock.
        WriteProducts => "WRITE_PRODUCTS",
        /// Reads everyone's orders.
        ReadOrders => "READ_ORDERS",
        /// Places, moves and cancels orders.
        WriteOrders => "WRITE_ORDERS",
        /// Reads all tasks.
        ReadTasks => "READ_TASKS",
        /// Adds, changes and deletes tasks.
        WriteTasks => "WRITE_TASKS",
        /// Reads users.
        ReadUsers => "READ_USERS",
        /// Reads the event log.
        ReadEvents => "READ_EVENTS",
        /// Manages webhooks without a document, of events whose entities it may read.
        ManageWebhooks => "MANAGE_WEBHOOKS",
    }
}

impl Scope {
    /// The least role whose users may do what the scope stands for.
    pub const fn least_role(self) -> UserRole {
        match self {
            Self::ManageWebhooks => UserRole::Admin,
            Self::ReadProducts
            | Self::WriteProducts
            | Self::ReadOrders
            | Self::WriteOrders
            | Self::ReadTasks
            | Self::WriteTasks
            | Self::ReadUsers
            | Self::ReadEvents => UserRole::Staff,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether the set has this scope.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// Those of the scopes that users with this role may give away.
    pub fn limited_to(self, role: UserRole) -> Self {
        self.iter().filter(|scope| role >= scope.least_role()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::as_str)).finish()
    }
}

/// A key that a machine sends in place of an access token. Its secret is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Id with the prefix `key_`.
    pub id: ApiKeyId,
    /// What the key is for, in one line.
    pub name: String,
    /// The first characters of the secret, by which people recognise it.
    pub prefix: String,
    /// What the key may do.
    pub scopes: Scopes,
    /// The admin who made it. The key may never do what their role may not.
    pub created_by: UserId,
    /// Time of the last request with the key, up to a minute old; `None` before the first.
    pub last_used_at: Option<Timestamp>,
    /// From this time on the key is refused; `None` for a key that does not expire.
    pub expires_at: Option<Timestamp>,
    /// Time when the key was made.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Most keys of a deployment.
    pub const MAX: usize = 1000;

    /// Whether the key has not expired at `now`.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// When the key expires; a time that never comes for a key that does not.
    pub fn ends_at(&self) -> Timestamp {
        self.expires_at.unwrap_or(Timestamp::from_unix_millis(i64::MAX))
    }
}

sort_enum! {
    /// The fields that a list of API keys can be sorted by.
    pub enum ApiKeySort {
        /// Time when the key was made.
        CreatedAt: Int = 0,
    }
}

impl ApiKeySort {
    /// The position of a key in a list.
    pub fn position(self, key: &ApiKey) -> Position {
        match self {
            Self::CreatedAt => Position { key: SortKey::Int(key.created_at.unix_millis()), id: key.id.ulid() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_texts_never_change() {
        assert_eq!(
            Scope::ALL.map(Scope::as_str),
            [
                "READ_PRODUCTS",
                "WRITE_PRODUCTS",
                "READ_ORDERS",
                "WRITE_ORDERS",
                "READ_TASKS",
                "WRITE_TASKS",
                "READ_USERS",
                "READ_EVENTS",
                "MANAGE_WEBHOOKS"
            ]
        );
    }

    #[test]
    fn a_set_has_the_scopes_that_it_was_made_of() {
        for scope in Scope::ALL {
            let alone = Scopes::from_iter([scope, scope]);
            assert!(alone.iter().eq([scope]), "{alone:?}");
            assert!(Scope::ALL.iter().all(|other| alone.contains(*other) == (*other == scope)));
        }
        let all = Scopes::from_iter(Scope::ALL);
        assert!(all.iter().eq(Scope::ALL));
        assert_eq!(format!("{:?}", Scopes::from_iter([Scope::ReadTasks])), r#"{"READ_TASKS"}"#);
    }

    #[test]
    fn scopes_are_limited_to_what_the_role_may_do() {
        let all = Scopes::from_iter(Scope::ALL);
        assert_eq!(all.limited_to(UserRole::Admin), all);
        assert_eq!(all.limited_to(UserRole::Customer), Scopes::default());
        let of_staff = all.limited_to(UserRole::Staff);
        assert!(of_staff.contains(Scope::ReadEvents) && !of_staff.contains(Scope::ManageWebhooks));
    }
}
