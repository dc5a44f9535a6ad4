//! Rate limits: the cost of operations by user or client address, and attempts to sign in.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Result, Service, ServiceError, fingerprint};
use crate::{
    cluster::{BucketState, Exhausted, MemoryRateLimiter, RateLimiter},
    domain::{ClientAddress, TokenBucket, UserRole, Viewer},
    telemetry::metrics::metrics,
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
    /// Cost of the operations of a staff member.
    pub staff: Option<TokenBucket>,
    /// Cost of the operations of an administrator.
    pub admin: Option<TokenBucket>,
    /// Failed attempts to prove that one is the owner of an account.
    pub sign_ins_per_account: Option<TokenBucket>,
    /// The same from one client address, for whichever accounts, and accounts made from there.
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

/// Points charged for a sign-in attempt; refunded on success.
pub(super) struct SignInAttempt {
    taken: Vec<(String, TokenBucket)>,
}

impl Service {
    /// Takes the cost of an operation from what its sender has left, and says what that is then; `None` when there is no
    /// limit for them. A `client` that is `None` is not limited by its address.
    /// Errors: [`ServiceError::RateLimited`].
    pub async fn charge(&self, viewer: &Viewer, client: Option<ClientAddress>, cost: u64) -> Result<Option<Allowance>> {
        let limits = &self.options.limits;
        let (key, bucket) = match (viewer, client) {
            (Viewer::User { id, role, .. }, _) => {
                let bucket = match role {
                    UserRole::Customer => limits.customer,
                    UserRole::Staff => limits.staff,
                    UserRole::Admin => limits.admin,
                };
                (format!("cost:{id}"), bucket)
            }
            (Viewer::Anonymous, Some(client)) => (format!("cost:{client}"), limits.anonymous),
            (Viewer::Anonymous, None) | (Viewer::System, _) => return Ok(None),
        };
        let Some(bucket) = bucket else { return Ok(None) };
        match limits.limiter.take(&key, bucket, cost).await {
            Ok(state) => Ok(Some(Allowance { bucket, state })),
            Err(exhausted) => {
                metrics().refusals.with_labels(["operation_cost"]).inc();
                let left = exhausted.state.remaining;
                let limit = format!("this operation costs {cost} points and {left} are left of {}", describe(bucket));
                Err(rate_limited(limit, bucket, exhausted))
            }
        }
    }

    /// Charges one attempt to sign in as `account` from `client`.
    /// Errors: [`ServiceError::RateLimited`].
    pub(super) async fn charge_sign_in(
        &self,
        account: Option<&str>,
        client: Option<ClientAddress>,
    ) -> Result<SignInAttempt> {
        let limits = &self.options.limits;
        let of_account = account.zip(limits.sign_ins_per_account).map(|(account, bucket)| {
            // Hashed, because people also type passwords into the wrong field.
            let key = format!("account:{}", BASE64_URL_SAFE_NO_PAD.encode(fingerprint([account])));
            (key, bucket, "account")
        });
        let of_address = client
            .zip(limits.sign_ins_per_address)
            .map(|(client, bucket)| (format!("sign-in:{client}"), bucket, "client address"));
        let mut attempt = SignInAttempt { taken: Vec::new() };
        for (key, bucket, whose) in [of_address, of_account].into_iter().flatten() {
            if let Err(exhausted) = limits.limiter.take(&key, bucket, 1).await {
                metrics().refusals.with_labels(["sign_ins"]).inc();
                let limit = format!("there were too many attempts for this {whose}, the limit is {}", describe(bucket));
                return Err(rate_limited(limit, bucket, exhausted));
            }
            attempt.taken.push((key, bucket));
        }
        Ok(attempt)
    }

    /// Refunds a charge after a successful sign-in.
    pub(super) async fn refund_sign_in(&self, attempt: SignInAttempt) {
        for (key, bucket) in attempt.taken {
            self.options.limits.limiter.refund(&key, bucket, 1).await;
        }
    }
}

/// A limit as error messages name it.
fn describe(bucket: TokenBucket) -> String {
    format!("{} in {:?}", bucket.capacity(), bucket.refill())
}

fn rate_limited(limit: String, bucket: TokenBucket, exhausted: Exhausted) -> ServiceError {
    let Exhausted { state, retry_after } = exhausted;
    ServiceError::RateLimited { limit, allowance: Allowance { bucket, state }, wait: retry_after }
}
