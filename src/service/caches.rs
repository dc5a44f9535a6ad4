//! What a node remembers of the store, and for how long.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::domain::{ApiKeyId, LogId, SalesRanking, Scopes, SessionId, Timestamp, TokenHash, UserId, UserRole};

/// How long a node may use the rights that it read last: well within the 2 s that a revocation may take.
const RIGHTS_TTL: Duration = Duration::from_secs(1);
/// Most sessions whose rights a node remembers.
const RIGHTS_CAPACITY: u64 = 100_000;

/// How often the time of an API key's last use is written at most.
pub(super) const USE_NOTED_EVERY: Duration = Duration::from_secs(60);
/// Most API keys that a node remembers.
const KEY_CAPACITY: u64 = 4096;

/// The user and role behind a session; `None` when it has ended.
pub(super) type SessionCache = moka::future::Cache<SessionId, Option<(UserId, UserRole)>>;

/// The units sold of each product; `None` before they are asked for. Locked while they are counted.
pub(super) type SalesCache = Arc<Mutex<Option<FollowedSales>>>;

/// Units sold that were counted once, and follow the log since.
pub(super) struct FollowedSales {
    pub ranking: SalesRanking,
    /// The log whose entries are counted.
    pub log: LogId,
    /// When all units were counted.
    pub counted_at: Instant,
    /// Everything that was committed before this time is counted.
    pub seen_until: Instant,
}

pub(super) fn session_cache() -> SessionCache {
    moka::future::Cache::builder().max_capacity(RIGHTS_CAPACITY).time_to_live(RIGHTS_TTL).build()
}

/// What a secret proves, which never changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof {
    pub key: ApiKeyId,
    pub creator: UserId,
    pub scopes: Scopes,
    pub expires_at: Option<Timestamp>,
}

/// What a node remembers of API keys.
pub(super) struct ApiKeyCache {
    /// What secrets prove, by their hash. Only secrets of keys that exist are remembered, so nobody fills it with invented
    /// ones. Whether a key was revoked is not remembered with it: that is looked up with its creator's role.
    pub proofs: moka::sync::Cache<TokenHash, Proof>,
    /// The keys whose use was noted within [`USE_NOTED_EVERY`].
    pub noted: moka::sync::Cache<ApiKeyId, ()>,
}

impl Default for ApiKeyCache {
    fn default() -> Self {
        Self {
            proofs: moka::sync::Cache::new(KEY_CAPACITY),
            noted: moka::sync::Cache::builder().max_capacity(KEY_CAPACITY).time_to_live(USE_NOTED_EVERY).build(),
        }
    }
}
