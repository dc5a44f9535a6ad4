//! Storage of users.

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{ListQuery, Page, Refusal, Stamp, User, UserChanges, UserFilter, UserId, UserSort};

/// A list query over users.
pub type UserQuery = ListQuery<UserFilter, UserSort, ()>;

/// A user with the hash of their password, for signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The PHC string of the password's hash; `None` for users who can't sign in with a password.
    pub password_hash: Option<String>,
}

impl Credentials {
    /// Refuses what was allowed because the password hash was `verified`, if it is another one now or the user is deleted.
    pub fn check_unchanged(&self, verified: Option<&str>) -> std::result::Result<(), Refusal> {
        let unchanged = !self.user.is_deleted() && self.password_hash.as_deref() == verified;
        if unchanged { Ok(()) } else { Err(Refusal::CredentialsChanged) }
    }
}

/// Reads and changes of users. Each change appends an entry about the user to the event log in the same step, and if it ends
/// rights, one of a [`RightsChange`](crate::domain::RightsChange).
#[async_trait]
pub trait UserStore {
    /// The users with these ids, deleted ones included.
    async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<User>>>;
    /// The users with these lower-case e-mail addresses.
    async fn users_by_emails(&self, emails: &[String]) -> Result<Vec<Option<User>>>;
    /// A page for each query.
    async fn list_users(&self, queries: &[UserQuery]) -> Result<Vec<Page<User>>>;
    /// The number of users that pass each filter.
    async fn count_users(&self, filters: &[UserFilter]) -> Result<Vec<u64>>;
    /// Adds a user, as [`User::registration`] records it. Refuses an e-mail address that another user has.
    async fn insert_user(&self, user: &User, password_hash: Option<&str>) -> Result<()>;
    /// Changes a user as [`User::update`] decides. Refuses an e-mail address that another user has. An actor who changes
    /// another user must pass [`User::check_is_admin`] in the same step.
    async fn update_user(
        &self,
        id: UserId,
        changes: UserChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<User>;
    /// Anonymises a user as [`User::anonymise`] decides, removes the password and ends all their sessions. The actor is
    /// checked as by [`UserStore::update_user`].
    async fn delete_user(&self, id: UserId, stamp: Stamp) -> Result<User>;
    /// The credentials of the user with this lower-case e-mail address.
    async fn credentials_by_email(&self, email: &str) -> Result<Option<Credentials>>;
    /// The credentials of a user who is not deleted.
    async fn credentials_by_id(&self, id: UserId) -> Result<Option<Credentials>>;
    /// Sets the password as [`User::change_password`] decides and ends all the user's sessions, in one step. Refuses it
    /// if the stored hash is not `verified`, unless that is `None`. An actor who sets another user's password is checked as by
    /// [`UserStore::update_user`].
    async fn set_password(&self, id: UserId, password_hash: &str, verified: Option<&str>, stamp: Stamp)
    -> Result<User>;
}

instrument!(UserStore {
    fn users_by_ids(ids: &[UserId]) -> Vec<Option<User>>, batch ids;
    fn users_by_emails(emails: &[String]) -> Vec<Option<User>>, batch emails;
    fn list_users(queries: &[UserQuery]) -> Vec<Page<User>>, batch queries;
    fn count_users(filters: &[UserFilter]) -> Vec<u64>, batch filters;
    fn insert_user(user: &User, password_hash: Option<&str>) -> (), stores |()| size_of::<Credentials>();
    fn update_user(
        id: UserId, changes: UserChanges, expected_version: Option<i32>, stamp: Stamp
    ) -> User, stores User::memory;
    fn delete_user(id: UserId, stamp: Stamp) -> User, stores User::memory;
    fn credentials_by_email(email: &str) -> Option<Credentials>;
    fn credentials_by_id(id: UserId) -> Option<Credentials>;
    fn set_password(
        id: UserId, password_hash: &str, verified: Option<&str>, stamp: Stamp
    ) -> User, stores User::memory;
});
