//! Storage of API keys. Revoked keys are deleted.

use std::time::Duration;

use async_trait::async_trait;

use super::{Result, instrumented::instrument};
use crate::domain::{ApiKey, ApiKeyId, Stamp, Timestamp, TokenHash};

/// Stores API keys. In the log and in stamps a key stands where a session does, by [`ApiKeyId::as_session`]: the checks of a
/// change's session and [`SessionStore::session_users`](super::SessionStore::session_users) find both.
#[async_trait]
pub trait ApiKeyStore {
    /// Adds a key that is found by the hash of its secret. The actor must pass
    /// [`User::check_is_admin`](crate::domain::User::check_is_admin) in the same step. Refuses it when there are
    /// [`ApiKey::MAX`] keys.
    async fn insert_api_key(&self, key: &ApiKey, secret: TokenHash, stamp: Stamp) -> Result<()>;
    /// Deletes a key and returns it, and appends a [`RightsChange`](crate::domain::RightsChange) to the event log in the same
    /// step. The actor is checked as by [`ApiKeyStore::insert_api_key`].
    async fn delete_api_key(&self, id: ApiKeyId, stamp: Stamp) -> Result<ApiKey>;
    /// All keys, in no order. There are [`ApiKey::MAX`] at most.
    async fn api_keys(&self) -> Result<Vec<ApiKey>>;
    /// The key whose secret has this hash.
    async fn api_key_by_secret(&self, secret: TokenHash) -> Result<Option<ApiKey>>;
    /// Stores that a key was used at this time, unless a use less than `every` before it is stored.
    async fn note_api_key_use(&self, id: ApiKeyId, at: Timestamp, every: Duration) -> Result<()>;
}

instrument!(ApiKeyStore {
    fn insert_api_key(key: &ApiKey, secret: TokenHash, stamp: Stamp) -> (), stores |()| size_of::<ApiKey>();
    fn delete_api_key(id: ApiKeyId, stamp: Stamp) -> ApiKey, stores |_| size_of::<ApiKey>();
    fn api_keys() -> Vec<ApiKey>;
    fn api_key_by_secret(secret: TokenHash) -> Option<ApiKey>;
    fn note_api_key_use(id: ApiKeyId, at: Timestamp, every: Duration) -> ();
});
