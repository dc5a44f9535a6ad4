//! What a node remembers of the store, and for how long.

use std::{sync::Arc, time::Duration};

use crate::domain::{ProductId, SessionId, UserId, UserRole};

/// How long a node may use the rights that it read last: well within the 2 s that a revocation may take.
const RIGHTS_TTL: Duration = Duration::from_secs(1);
/// Most sessions whose rights a node remembers.
const RIGHTS_CAPACITY: u64 = 100_000;
/// How long it is remembered which products are trending: it changes slowly and costs a scan of a month's orders.
const TRENDING_TTL: Duration = Duration::from_secs(30);

/// The user and role behind a session; `None` when it has ended.
pub(super) type SessionCache = moka::future::Cache<SessionId, Option<(UserId, UserRole)>>;

/// The ids of the trending products, the best-selling first.
pub(super) type TrendingCache = moka::future::Cache<(), Arc<Vec<ProductId>>>;

pub(super) fn session_cache() -> SessionCache {
    moka::future::Cache::builder().max_capacity(RIGHTS_CAPACITY).time_to_live(RIGHTS_TTL).build()
}

pub(super) fn trending_cache() -> TrendingCache {
    moka::future::Cache::builder().max_capacity(1).time_to_live(TRENDING_TTL).build()
}
