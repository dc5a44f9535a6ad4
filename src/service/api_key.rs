//! Use cases of API keys. Admins manage them.
//!
//! Decision: `docs/decisions/0034-api-keys.md`.

use super::{
    Authenticated, Result, Service, ServiceError, access,
    caches::{Proof, USE_NOTED_EVERY},
    error::not_found_at,
    input::Checks,
};
use crate::{
    auth::ApiKeySecret,
    domain::{
        ApiKey, ApiKeyId, ApiKeySort, Direction, Edge, ListQuery, Page, Position, Scope, Scopes, SortKey, Timestamp,
        TokenHash, UserId, UserRole, Viewer,
    },
};

/// A list query over API keys.
pub type ApiKeyQuery = ListQuery<(), ApiKeySort, ()>;

/// The refusal of a secret, whether it never was one, has expired or was revoked.
const INVALID: ServiceError =
    ServiceError::Unauthenticated("the API key is not valid, has expired or was revoked; ask an admin for another one");

/// What is asked of a new key.
#[derive(Debug, Clone)]
pub struct CreateApiKey {
    /// What it is for, in one line.
    pub name: String,
    /// What it may do; one scope at least.
    pub scopes: Vec<Scope>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

impl Service {
    /// Admin: makes a key. Its secret is shown this once.
    pub async fn create_api_key(&self, viewer: &Viewer, input: CreateApiKey) -> Result<(ApiKey, ApiKeySecret)> {
        access::require_admin(viewer)?;
        let stamp = self.stamp(viewer)?;
        let created_by = access::require_user(viewer)?;
        let mut checks = Checks::default();
        let name = checks.line("name", &input.name);
        if input.scopes.is_empty() {
            checks.fault(&["scopes"], "must have one scope at least");
        }
        if input.expires_at.is_some_and(|expires_at| expires_at <= stamp.at) {
            checks.fault(&["expiresAt"], "must be in the future");
        }
        checks.finish()?;
        let secret = ApiKeySecret::generate();
        let key = ApiKey {
            id: ApiKeyId::generate(stamp.at),
            name,
            prefix: secret.prefix().to_owned(),
            scopes: input.scopes.into_iter().collect(),
            created_by,
            last_used_at: None,
            expires_at: input.expires_at,
            created_at: stamp.at,
        };
        self.store.insert_api_key(&key, secret.hash(), stamp).await?;
        tracing::info!(key = %key.id, prefix = key.prefix, scopes = ?key.scopes, by = %created_by, "an API key was made");
        Ok((key, secret))
    }

    /// Admin: revokes a key, which ends its requests and subscriptions on every node. Returns what it was.
    pub async fn revoke_api_key(&self, viewer: &Viewer, id: ApiKeyId) -> Result<ApiKey> {
        access::require_admin(viewer)?;
        let key = self.store.delete_api_key(id, self.stamp(viewer)?).await.map_err(not_found_at("id"))?;
        self.sessions.invalidate(&id.as_session()).await;
        tracing::info!(key = %id, prefix = key.prefix, by = viewer.actor().map(|user| user.to_string()), "an API key was revoked");
        Ok(key)
    }

    /// The keys with these ids; for others than admins none exists.
    pub async fn api_keys(&self, viewer: &Viewer, ids: &[ApiKeyId]) -> Result<Vec<Option<ApiKey>>> {
        access::require_authenticated(viewer)?;
        let keys = if viewer.is_admin() { self.store.api_keys().await? } else { Vec::new() };
        Ok(ids.iter().map(|id| keys.iter().find(|key| key.id == *id).cloned()).collect())
    }

    /// Admin: a page of keys for each query.
    pub async fn list_api_keys(&self, viewer: &Viewer, queries: &[ApiKeyQuery]) -> Result<Vec<Page<ApiKey>>> {
        access::require_admin(viewer)?;
        let mut keys = self.store.api_keys().await?;
        keys.sort_unstable_by_key(|key| (key.created_at, key.id));
        Ok(queries.iter().map(|query| page(keys.clone(), query)).collect())
    }

    /// Admin: how many keys there are, for each filter.
    pub async fn count_api_keys(&self, viewer: &Viewer, filters: &[()]) -> Result<Vec<u64>> {
        access::require_admin(viewer)?;
        let count = self.store.api_keys().await?.len() as u64;
        Ok(vec![count; filters.len()])
    }

    /// The viewer with this secret of an API key.
    pub(super) async fn authenticate_api_key(&self, secret: &str) -> Result<Authenticated> {
        let secret: ApiKeySecret = secret.parse().map_err(|_| INVALID)?;
        let now = self.now();
        let proof = self.proof_of(secret.hash()).await?.ok_or(INVALID)?;
        if proof.expires_at.is_some_and(|expires_at| now >= expires_at) {
            return Err(INVALID);
        }
        let viewer = self.api_key_viewer(proof.key, proof.creator, proof.scopes, now).await?;
        self.note_use(proof.key, now);
        Ok(Authenticated { viewer, expires_at: proof.expires_at })
    }

    async fn proof_of(&self, hash: TokenHash) -> Result<Option<Proof>> {
        if let Some(proof) = self.api_keys.proofs.get(&hash) {
            return Ok(Some(proof));
        }
        let key = self.store.api_key_by_secret(hash).await?;
        let proof = key.map(|key| Proof {
            key: key.id,
            creator: key.created_by,
            scopes: key.scopes,
            expires_at: key.expires_at,
        });
        if let Some(proof) = proof {
            self.api_keys.proofs.insert(hash, proof);
        }
        Ok(proof)
    }

    /// The viewer of a key that was not revoked, with the scopes that its creator's role allows now.
    pub(super) async fn api_key_viewer(
        &self,
        id: ApiKeyId,
        creator: UserId,
        scopes: Scopes,
        now: Timestamp,
    ) -> Result<Viewer> {
        match self.session_rights(id.as_session(), now).await? {
            Some((user, creator_role)) if user == creator && creator_role >= UserRole::Staff => {
                Ok(Viewer::Key { id, creator, creator_role, scopes: scopes.limited_to(creator_role) })
            }
            _ => Err(INVALID),
        }
    }

    /// Writes that the key was used, unless that was written lately. No request waits for it.
    fn note_use(&self, key: ApiKeyId, at: Timestamp) {
        if !self.api_keys.noted.entry(key).or_insert(()).is_fresh() {
            return;
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.note_api_key_use(key, at, USE_NOTED_EVERY).await {
                tracing::debug!(%error, %key, "the use of an API key was not noted");
            }
        });
    }
}

/// The page of keys that a query asks for; `keys` are all, oldest first.
fn page(keys: Vec<ApiKey>, query: &ApiKeyQuery) -> Page<ApiKey> {
    let edge = |node: ApiKey| Edge { position: query.sort.field.position(&node), node };
    let mut rows: Vec<_> = keys.into_iter().map(edge).collect();
    let place = |position: &Position| match position.key {
        SortKey::Int(created_at) => (created_at, position.id),
        // The list has no cursor with another key.
        SortKey::Text(_) | SortKey::Score(_) => (0, position.id),
    };
    match query.sort.direction {
        Direction::Asc => query.slice.cut(rows, |one, other| place(one) < place(other)),
        Direction::Desc => {
            rows.reverse();
            query.slice.cut(rows, |one, other| place(one) > place(other))
        }
    }
}
