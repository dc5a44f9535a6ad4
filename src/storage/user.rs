//! Storage of users.

use async_trait::async_trait;

use super::Result;
use crate::domain::{ListQuery, Page, Timestamp, User, UserChanges, UserFilter, UserId, UserSort};

/// A list query over users.
pub type UserQuery = ListQuery<UserFilter, UserSort, ()>;

/// What sign-in needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub user: User,
    /// The PHC string of the password's hash; `None` for users who can't sign in with a password.
    pub password_hash: Option<String>,
}

/// Users.
#[async_trait]
pub trait UserStore {
    /// The users with these ids, deleted ones included.
    async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<User>>>;
    /// The users with these lower-case e-mail addresses.
    async fn users_by_emails(&self, emails: &[String]) -> Result<Vec<Option<User>>>;
    /// One page for each query, all in one call.
    async fn list_users(&self, queries: &[UserQuery]) -> Result<Vec<Page<User>>>;
    /// How many users each filter lets through.
    async fn count_users(&self, filters: &[UserFilter]) -> Result<Vec<u64>>;
    /// Adds a user. Errors: `Duplicate(Email)`.
    async fn insert_user(&self, user: &User, password_hash: Option<&str>) -> Result<()>;
    /// Changes a user who is not deleted. Errors: `NotFound`, `VersionMismatch`, `Duplicate(Email)`.
    async fn update_user(
        &self,
        id: UserId,
        changes: UserChanges,
        expected_version: Option<i32>,
        at: Timestamp,
    ) -> Result<User>;
    /// Anonymises a user, removes the password and ends all sessions. Errors: `NotFound`, also when already deleted.
    async fn delete_user(&self, id: UserId, at: Timestamp) -> Result<User>;
    /// What is needed to check a password, by lower-case e-mail address.
    async fn credentials_by_email(&self, email: &str) -> Result<Option<Credentials>>;
    /// What is needed to check a password of a user who is not deleted.
    async fn credentials_by_id(&self, id: UserId) -> Result<Option<Credentials>>;
    /// Sets the password and ends all the user's sessions, in one step. Errors: `NotFound`.
    async fn set_password(&self, id: UserId, password_hash: &str, at: Timestamp) -> Result<User>;
}
