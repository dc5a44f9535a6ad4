//! How much everybody may ask for over time.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Result, Service, ServiceError, fingerprint};
use crate::{
    bus::{Buckets, Exhausted, Level, MemoryBuckets},
    domain::{ClientAddress, Quota, UserRole, Viewer},
    telemetry::metrics::metrics,
};

/// Rate limits; `None` for no limit. Default: none at all, kept by this node alone.
#[derive(Clone)]
pub struct RateLimits {
    /// Where what is left is kept.
    pub buckets: Arc<dyn Buckets>,
    /// Cost of the operations of a client address without signing in.
    pub anonymous: Option<Quota>,
    /// Cost of the operations of a customer.
    pub customer: Option<Quota>,
    /// Cost of the operations of a staff member.
    pub staff: Option<Quota>,
    /// Cost of the operations of an administrator.
    pub admin: Option<Quota>,
    /// Failed attempts to prove that one is the owner of an account.
    pub sign_ins_per_account: Option<Quota>,
    /// The same from one client address, for whichever accounts, and accounts made from there.
    pub sign_ins_per_address: Option<Quota>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            buckets: Arc::new(MemoryBuckets::default()),
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

/// What somebody has left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The limit.
    pub quota: Quota,
    /// What is left.
    pub level: Level,
}

/// What was taken for an attempt to sign in. Whoever turns out to be who they say gets it back.
pub(super) struct SignInAttempt {
    taken: Vec<(String, Quota)>,
}

impl Service {
    /// Takes the cost of an operation from what its sender has left, and says what that is then; `None` when there is no
    /// limit for them. A `client` that is `None` is not limited by its address.
    /// Errors: [`ServiceError::RateLimited`].
    pub async fn charge(&self, viewer: &Viewer, client: Option<ClientAddress>, cost: u64) -> Result<Option<Allowance>> {
        let limits = &self.options.limits;
        let (key, quota) = match (viewer, client) {
            (Viewer::User { id, role, .. }, _) => {
                let quota = match role {
                    UserRole::Customer => limits.customer,
                    UserRole::Staff => limits.staff,
                    UserRole::Admin => limits.admin,
                };
                (format!("cost:{id}"), quota)
            }
            (Viewer::Anonymous, Some(client)) => (format!("cost:{client}"), limits.anonymous),
            (Viewer::Anonymous, None) | (Viewer::System, _) => return Ok(None),
        };
        let Some(quota) = quota else { return Ok(None) };
        match limits.buckets.take(&key, quota, cost).await {
            Ok(level) => Ok(Some(Allowance { quota, level })),
            Err(exhausted) => {
                metrics().refusals.with_labels(["operation_cost"]).inc();
                let left = exhausted.level.available;
                let limit = format!("this operation costs {cost} points and {left} are left of {}", describe(quota));
                Err(rate_limited(limit, quota, exhausted))
            }
        }
    }

    /// Takes one attempt to prove that one is `account`, from `client`.
    /// Errors: [`ServiceError::RateLimited`].
    pub(super) async fn charge_sign_in(
        &self,
        account: Option<&str>,
        client: Option<ClientAddress>,
    ) -> Result<SignInAttempt> {
        let limits = &self.options.limits;
        let of_account = account.zip(limits.sign_ins_per_account).map(|(account, quota)| {
            // Hashed, lest what was mistyped is kept in a readable form.
            let key = format!("account:{}", BASE64_URL_SAFE_NO_PAD.encode(fingerprint([account])));
            (key, quota, "account")
        });
        let of_address = client
            .zip(limits.sign_ins_per_address)
            .map(|(client, quota)| (format!("sign-in:{client}"), quota, "client address"));
        let mut attempt = SignInAttempt { taken: Vec::new() };
        for (key, quota, whose) in [of_address, of_account].into_iter().flatten() {
            if let Err(exhausted) = limits.buckets.take(&key, quota, 1).await {
                metrics().refusals.with_labels(["sign_ins"]).inc();
                let limit = format!("there were too many attempts for this {whose}, the limit is {}", describe(quota));
                return Err(rate_limited(limit, quota, exhausted));
            }
            attempt.taken.push((key, quota));
        }
        Ok(attempt)
    }

    /// The attempt was a good one.
    pub(super) async fn refund_sign_in(&self, attempt: SignInAttempt) {
        for (key, quota) in attempt.taken {
            self.options.limits.buckets.give_back(&key, quota, 1).await;
        }
    }
}

/// A quota for people.
fn describe(quota: Quota) -> String {
    format!("{} in {:?}", quota.points(), quota.refill())
}

fn rate_limited(limit: String, quota: Quota, exhausted: Exhausted) -> ServiceError {
    let Exhausted { level, wait } = exhausted;
    ServiceError::RateLimited { limit, allowance: Allowance { quota, level }, wait }
}
