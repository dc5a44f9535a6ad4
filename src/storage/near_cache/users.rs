//! Users through the cache. Their password hashes are never in it.
//!
//! Decision: `docs/decisions/0031-own-writes-in-the-near-cache.md`.

use std::sync::Arc;

use async_trait::async_trait;
use ulid::Ulid;

use super::{
    cache::NearCache,
    cached::{Cached, Named, Query},
    change::{Change, ChangeList},
    key::{Key, Value},
    sources::{ById, ByName, Counts, Pages},
};
use crate::{
    domain::{Page, Stamp, Timestamp, User, UserChanges, UserFilter, UserId, UserSort},
    storage::{Credentials, Result, Store, UserQuery, UserStore},
    telemetry::metrics::CacheName,
};

#[async_trait]
impl Cached for User {
    type Id = UserId;
    type Filter = UserFilter;
    type Sort = UserSort;
    type Fields = ();

    const NAME: CacheName = CacheName::Users;
    const WHOLE: () = ();
    const FIELDS: &[()] = &[()];
    const CHANGES: &[Change] = &[Change::Users];
    /// A deleted user is still found by id.
    const IS_DELETED: bool = false;

    fn id(&self) -> UserId {
        self.id
    }

    fn version(&self) -> (i32, Timestamp) {
        (self.version, self.updated_at)
    }

    fn bytes(&self) -> usize {
        self.memory()
    }

    fn key(id: UserId, (): ()) -> Key {
        Key::User(id)
    }

    fn change(id: UserId) -> Change {
        Change::User(id)
    }

    fn value(user: Arc<Self>) -> Value {
        Value::User(user)
    }

    fn from_value(value: &Value) -> Option<&Arc<Self>> {
        if let Value::User(user) = value { Some(user) } else { None }
    }

    fn with_fields(&self, (): ()) -> Self {
        self.clone()
    }

    fn page_key(query: Query<Self>) -> Key {
        Key::Users(Box::new(query))
    }

    fn count_key(filter: UserFilter) -> Key {
        Key::UserCount(Box::new(filter))
    }

    fn count_depends_on(_: &UserFilter) -> ChangeList {
        [Change::Users].into_iter().collect()
    }

    async fn by_ids(engine: &dyn Store, ids: &[UserId]) -> Result<Vec<Option<Self>>> {
        engine.users_by_ids(ids).await
    }

    async fn pages(engine: &dyn Store, queries: &[Query<Self>]) -> Result<Vec<Page<Self>>> {
        engine.list_users(queries).await
    }

    async fn counts(engine: &dyn Store, filters: &[UserFilter]) -> Result<Vec<u64>> {
        engine.count_users(filters).await
    }
}

#[async_trait]
impl Named for User {
    const KEEPS_NAME: bool = false;

    fn ulid(&self) -> Ulid {
        self.id.ulid()
    }

    fn has_name(&self, email: &str) -> bool {
        self.email.as_deref() == Some(email)
    }

    fn name_key(email: String) -> Key {
        Key::Email(email)
    }

    async fn by_names(engine: &dyn Store, emails: &[String]) -> Result<Vec<Option<Self>>> {
        engine.users_by_emails(emails).await
    }
}

#[async_trait]
impl UserStore for NearCache {
    async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<User>>> {
        self.read::<ById<User>>(ids).await
    }

    async fn users_by_emails(&self, emails: &[String]) -> Result<Vec<Option<User>>> {
        self.read::<ByName<User>>(emails).await
    }

    async fn list_users(&self, queries: &[UserQuery]) -> Result<Vec<Page<User>>> {
        self.read::<Pages<User>>(queries).await
    }

    async fn count_users(&self, filters: &[UserFilter]) -> Result<Vec<u64>> {
        self.read::<Counts<User>>(filters).await
    }

    async fn insert_user(&self, user: &User, password_hash: Option<&str>) -> Result<()> {
        let began = self.read_begins();
        self.inner().insert_user(user, password_hash).await?;
        self.wrote(began, user, &[Change::Users], Stamp::system(user.updated_at));
        Ok(())
    }

    async fn update_user(
        &self,
        id: UserId,
        changes: UserChanges,
        expected_version: Option<i32>,
        stamp: Stamp,
    ) -> Result<User> {
        let began = self.read_begins();
        let user = self.inner().update_user(id, changes, expected_version, stamp).await?;
        self.wrote(began, &user, &[Change::Users], stamp);
        Ok(user)
    }

    async fn delete_user(&self, id: UserId, stamp: Stamp) -> Result<User> {
        let began = self.read_begins();
        let user = self.inner().delete_user(id, stamp).await?;
        self.wrote(began, &user, &[Change::Users], stamp);
        Ok(user)
    }

    /// Credentials are never cached: they must not be late.
    async fn credentials_by_email(&self, email: &str) -> Result<Option<Credentials>> {
        self.inner().credentials_by_email(email).await
    }

    async fn credentials_by_id(&self, id: UserId) -> Result<Option<Credentials>> {
        self.inner().credentials_by_id(id).await
    }

    async fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        verified: Option<&str>,
        stamp: Stamp,
    ) -> Result<User> {
        let began = self.read_begins();
        let user = self.inner().set_password(id, password_hash, verified, stamp).await?;
        self.wrote(began, &user, &[Change::Users], stamp);
        Ok(user)
    }
}
