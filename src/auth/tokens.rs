//! Access tokens: short-lived JWTs.
//!
//! The algorithm is fixed by the server's key and a token that names another one is refused. Times are whole seconds;
//! the expiry has no leeway and is compared with the time that is passed in, not with the machine's clock.
//!
//! Decision: `docs/decisions/0027-verified-tokens.md`.

mod handle;
mod ticket;
mod verified;

use std::{fmt, time::Duration};

pub use ticket::{OperationHash, StreamTicket, TicketClaims};
pub use verified::Claims;

use handle::SessionHandles;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use verified::VerifiedTokens;

use crate::domain::{SessionId, Timestamp, UserId};

const ISSUER: &str = "orderwire";
/// The shortest HS256 secret: as long as the hash, as RFC 7518 section 3.2 demands.
const MIN_SECRET_BYTES: usize = 32;
/// Longer than any token of ours; spares the work on anything else.
const MAX_TOKEN_BYTES: usize = 1024;

/// The keys can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The HS256 secret is too short.
    #[error("the secret has {0} bytes; at least {MIN_SECRET_BYTES} are needed")]
    ShortSecret(usize),
    /// The private key is neither an Ed25519 nor a P-256 key.
    #[error("the private key is not an Ed25519 or P-256 key in PKCS #8 PEM form")]
    PrivateKey,
    /// The public key is not of the private key's type.
    #[error("the public key is not a PEM key of the private key's type")]
    PublicKey,
    /// The keys are not a pair.
    #[error("the private key and the public key do not belong together")]
    NotAPair,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token has expired.
    #[error("the access token has expired")]
    Expired,
    /// It isn't one of ours: malformed, tampered with, or signed with another key or algorithm.
    #[error("not a valid access token")]
    Invalid,
    /// It could not be signed; a fault of ours.
    #[error("the access token could not be signed")]
    Signing,
}

/// A token for a client.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The JWT.
    pub token: String,
    /// From this time on it is refused.
    pub expires_at: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct JwtClaims {
    sub: UserId,
    sid: SessionId,
    iat: i64,
    exp: i64,
    iss: String,
}

/// Issues and verifies access tokens.
pub struct AccessTokens {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    lifetime: Duration,
    handles: SessionHandles,
    key_hash: [u8; 8],
    verified: VerifiedTokens,
}

impl AccessTokens {
    /// Tokens signed with HMAC-SHA-256 and good for `lifetime`, of whole seconds. The secret has at least 32 bytes.
    pub fn hs256(secret: &[u8], lifetime: Duration) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        let (signing, verifying) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Ok(Self::new(Algorithm::HS256, signing, verifying, secret, lifetime))
    }

    /// Tokens signed with a key pair in PEM form, the private key as PKCS #8: EdDSA for Ed25519 keys, ES256 for
    /// P-256 keys. They are good for `lifetime`, of whole seconds.
    pub fn from_pem(private: &[u8], public: &[u8], lifetime: Duration) -> Result<Self, KeyError> {
        let tokens = if let Ok(signing) = EncodingKey::from_ed_pem(private) {
            let verifying = DecodingKey::from_ed_pem(public).map_err(|_| KeyError::PublicKey)?;
            Self::new(Algorithm::EdDSA, signing, verifying, private, lifetime)
        } else {
            let signing = EncodingKey::from_ec_pem(private).map_err(|_| KeyError::PrivateKey)?;
            let verifying = DecodingKey::from_ec_pem(public).map_err(|_| KeyError::PublicKey)?;
            Self::new(Algorithm::ES256, signing, verifying, private, lifetime)
        };
        tokens.check_pair()?;
        Ok(tokens)
    }

    fn new(
        algorithm: Algorithm,
        signing: EncodingKey,
        verifying: DecodingKey,
        secret: &[u8],
        lifetime: Duration,
    ) -> Self {
        let mut validation = Validation::new(algorithm);
        // Checked by `verify` against the time it is given.
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        let handles = SessionHandles::new(secret);
        let hash =
            Sha256::new().chain_update("orderwire signing key").chain_update([0]).chain_update(secret).finalize();
        let mut key_hash = [0; 8];
        key_hash.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
        let (header, verified) = (Header::new(algorithm), VerifiedTokens::new(lifetime));
        Self { header, signing, verifying, validation, lifetime, handles, key_hash, verified }
    }

    /// A part of a hash of the key that signs: equal for nodes with the same key. Like each token that is signed with the
    /// key, it lets a guess be checked and says nothing more.
    pub fn key_hash(&self) -> [u8; 8] {
        self.key_hash
    }

    fn check_pair(&self) -> Result<(), KeyError> {
        let now = Timestamp::from_unix_millis(0);
        let probe = self
            .issue(UserId::from_bytes([0; 16]), SessionId::from_bytes([0; 16]), now)
            .map_err(|_| KeyError::PrivateKey)?;
        self.decode(&probe.token).map(|_| ()).map_err(|_| KeyError::NotAPair)
    }

    /// A token for `user` in `session`, good from `now` on for the lifetime.
    pub fn issue(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<AccessToken, TokenError> {
        let exp = now.plus(self.lifetime).unix_millis().div_euclid(1000);
        let iat = now.unix_millis().div_euclid(1000);
        let claims = JwtClaims { sub: user, sid: session, iat, exp, iss: ISSUER.to_owned() };
        let token = encode(&self.header, &claims, &self.signing).map_err(|_| TokenError::Signing)?;
        Ok(AccessToken { token, expires_at: Timestamp::from_unix_millis(exp.saturating_mul(1000)) })
    }

    /// What the token says, if it is good at `now`. Says nothing about the session: it may have been ended.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let unexpired = |claims: Claims| if now < claims.expires_at { Ok(claims) } else { Err(TokenError::Expired) };
        self.verified.claims(token, || self.decode(token).and_then(unexpired)).and_then(unexpired)
    }

    fn decode(&self, token: &str) -> Result<Claims, TokenError> {
        let data = decode::<JwtClaims>(token, &self.verifying, &self.validation).map_err(|_| TokenError::Invalid)?;
        let JwtClaims { sub, sid, exp, .. } = data.claims;
        Ok(Claims { user: sub, session: sid, expires_at: Timestamp::from_unix_millis(exp.saturating_mul(1000)) })
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens")
            .field("algorithm", &self.header.alg)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
