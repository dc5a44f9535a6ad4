//! What good access tokens say, and the tokens that were verified lately.
//!
//! What a token says never changes, so its signature is checked once. It is remembered by the token's SHA-256, so that
//! nobody can read a token from memory. A remembered token proves as much as a verified one and no more: its expiry and
//! its session are checked for each request.
//!
//! Decision: `docs/decisions/0027-verified-tokens.md`.

use std::time::Duration;

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::domain::{SessionId, Timestamp, UserId};

/// Estimated bytes of all tokens that a node remembers. Those that are used least are forgotten first.
const BYTES: u64 = 24 * 1024 * 1024;
/// Estimated bytes of one token.
const ENTRY_BYTES: u32 = 256;

/// What a good token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// The user whom the token was issued to.
    pub user: UserId,
    /// The session of the token. The storage knows whether it has ended.
    pub session: SessionId,
    /// From this time on the token is refused.
    pub expires_at: Timestamp,
}

/// The tokens that were verified lately, with what they say.
pub(super) struct VerifiedTokens(Cache<[u8; 32], Claims>);

impl VerifiedTokens {
    /// Remembers each token for `lifetime`, which is how long one is good.
    pub(super) fn new(lifetime: Duration) -> Self {
        let weigh = |_: &[u8; 32], _: &Claims| ENTRY_BYTES;
        Self(Cache::builder().max_capacity(BYTES).weigher(weigh).time_to_live(lifetime).build())
    }

    /// What `token` says. `verify` checks a token that is not remembered; one that it refuses is not remembered either.
    pub(super) fn claims<E>(&self, token: &str, verify: impl FnOnce() -> Result<Claims, E>) -> Result<Claims, E> {
        let hash = Sha256::digest(token).into();
        if let Some(claims) = self.0.get(&hash) {
            return Ok(claims);
        }
        let claims = verify()?;
        self.0.insert(hash, claims);
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        Claims { user, session, expires_at: Timestamp::from_unix_millis(0) }
    }

    #[test]
    fn good_tokens_are_verified_once_and_refused_ones_each_time() {
        let tokens = VerifiedTokens::new(Duration::from_secs(60));
        assert_eq!(tokens.claims("token", || Err("refused")), Err("refused"));
        assert_eq!(tokens.claims("token", || Ok::<_, &str>(claims())), Ok(claims()));
        assert_eq!(tokens.claims("token", || Err("not remembered")), Ok(claims()));
        assert_eq!(tokens.claims("token ", || Err("another token")), Err("another token"));
    }

    #[test]
    fn remembered_tokens_fit_into_their_memory() {
        let tokens = VerifiedTokens::new(Duration::from_secs(60));
        for number in 0..2 * BYTES / u64::from(ENTRY_BYTES) {
            tokens.claims(&number.to_string(), || Ok::<_, ()>(claims())).unwrap();
        }
        tokens.0.run_pending_tasks();
        let weight = tokens.0.weighted_size();
        assert!((BYTES / 2..=BYTES).contains(&weight), "{weight}");
    }
}
