//! Rate limits: the cost of operations by user, API key or client address, and attempts to sign in.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Allowance, Result, Service, ServiceError, fingerprint};
use crate::{
    cluster::Exhausted,
    domain::{ClientAddress, TokenBucket, UserId, UserRole, Viewer},
    telemetry::metrics::metrics,
};

/// Points charged for a sign-in attempt; refunded on success.
pub(super) struct SignInAttempt {
    taken: Vec<(String, TokenBucket)>,
}

impl Service {
    /// Charges the cost of an operation to its sender and returns what is left; `None` when the sender has no limit. A
    /// `client` of `None` is not limited by its address.
    /// Errors: [`ServiceError::RateLimited`].
    pub async fn charge(&self, viewer: &Viewer, client: Option<ClientAddress>, cost: u64) -> Result<Option<Allowance>> {
        let Some((key, bucket)) = self.cost_bucket(viewer, client) else { return Ok(None) };
        match self.options.limits.limiter.take(&key, bucket, cost).await {
            Ok(state) => Ok(Some(Allowance { bucket, state })),
            Err(exhausted) => {
                metrics().refusals.with_labels(["operation_cost"]).inc();
                let left = exhausted.state.remaining;
                let limit = format!("this operation costs {cost} points and {left} are left of {}", describe(bucket));
                Err(rate_limited(limit, bucket, exhausted))
            }
        }
    }

    /// Charges what could not be known of an operation before it ran. It is taken even if less is left, so that the next
    /// operations wait longer. Returns what is left; `None` when the sender has no limit.
    pub async fn charge_afterwards(
        &self,
        viewer: &Viewer,
        client: Option<ClientAddress>,
        points: u64,
    ) -> Option<Allowance> {
        let (key, bucket) = self.cost_bucket(viewer, client)?;
        let state = self.options.limits.limiter.spend(&key, bucket, points).await;
        Some(Allowance { bucket, state })
    }

    /// The bucket that the operations of a sender are charged to; `None` when they have no limit.
    fn cost_bucket(&self, viewer: &Viewer, client: Option<ClientAddress>) -> Option<(String, TokenBucket)> {
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
            (Viewer::Key { id, .. }, _) => (format!("cost:{id}"), limits.staff),
            (Viewer::Anonymous, Some(client)) => (format!("cost:{client}"), limits.anonymous),
            (Viewer::Anonymous, None) | (Viewer::System, _) => return None,
        };
        Some((key, bucket?))
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
        self.take_attempt([of_address, of_account].into_iter().flatten()).await
    }

    /// Charges one attempt of a user to get another e-mail address, as often as wrong passwords are allowed: a refusal
    /// tells that the address has an account.
    /// Errors: [`ServiceError::RateLimited`].
    pub(super) async fn charge_address_change(&self, user: UserId) -> Result<SignInAttempt> {
        let bucket = self.options.limits.sign_ins_per_account;
        self.take_attempt(bucket.map(|bucket| (format!("address:{user}"), bucket, "account"))).await
    }

    async fn take_attempt(
        &self,
        buckets: impl IntoIterator<Item = (String, TokenBucket, &'static str)>,
    ) -> Result<SignInAttempt> {
        let limits = &self.options.limits;
        let mut attempt = SignInAttempt { taken: Vec::new() };
        for (key, bucket, whose) in buckets {
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
