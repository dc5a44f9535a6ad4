//! The rate limits that are configured, and what a client has left of one.

use std::sync::Arc;

use crate::{
    cluster::{BucketState, MemoryRateLimiter, RateLimiter},
    domain::TokenBucket,
};

/// Rate limits; `None` for no limit. Default: none at all, kept by this node alone.
#[derive(Clone)]
pub struct RateLimits {
    /// Keeps the buckets.
    pub limiter: Arc<dyn RateLimiter>,
    /// Cost of the operations of a client address without signing in.
    pub anonymous: Option<TokenBucket>,
    /// Cost of the operations of a customer.
    pub customer: Option<TokenBucket>,
    /// Cost of the operations of a staff member, and of an API key.
    pub staff: Option<TokenBucket>,
    /// Cost of the operations of an administrator.
    pub admin: Option<TokenBucket>,
    /// Failed sign-ins and password checks of one account.
    pub sign_ins_per_account: Option<TokenBucket>,
    /// The same from one client address for all accounts, and registrations from there.
    pub sign_ins_per_address: Option<TokenBucket>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            limiter: Arc::new(MemoryRateLimiter::default()),
            anonymous: None,
            customer: None,
            staff: None,
            admin: None,
            sign_ins_per_account: None,
            sign_ins_per_address: None,
        }
    }
}

impl std::fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimits").finish_non_exhaustive()
    }
}

/// What a client has left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The limit.
    pub bucket: TokenBucket,
    /// What is left of it.
    pub state: BucketState,
}
