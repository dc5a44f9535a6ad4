//! What a node remembers of the store, and for how long.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::domain::{LogId, SalesRanking, SessionId, UserId, UserRole};

/// How long a node may use the rights that it read last: well within the 2 s that a revocation may take.
const RIGHTS_TTL: Duration = Duration::from_secs(1);
/// Most sessions whose rights a node remembers.
const RIGHTS_CAPACITY: u64 = 100_000;

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
