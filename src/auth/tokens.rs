//! Access tokens: short-lived JWTs.
//!
//! The algorithm is fixed by the server's key and a token that names another one is refused. Times are whole seconds;
//! the expiry has no leeway and is compared with the time that is passed in, not with the machine's clock.

mod ticket;

use std::{fmt, time::Duration};

pub use ticket::{OperationHash, StreamTicket, TicketClaims};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

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
}

impl AccessTokens {
    /// Tokens signed with HMAC-SHA-256 and good for `lifetime`, of whole seconds. The secret has at least 32 bytes.
    pub fn hs256(secret: &[u8], lifetime: Duration) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        Ok(Self::new(Algorithm::HS256, EncodingKey::from_secret(secret), DecodingKey::from_secret(secret), lifetime))
    }

    /// Tokens signed with a key pair in PEM form, the private key as PKCS #8: EdDSA for Ed25519 keys, ES256 for
    /// P-256 keys. They are good for `lifetime`, of whole seconds.
    pub fn from_pem(private: &[u8], public: &[u8], lifetime: Duration) -> Result<Self, KeyError> {
        let tokens = if let Ok(signing) = EncodingKey::from_ed_pem(private) {
            let verifying = DecodingKey::from_ed_pem(public).map_err(|_| KeyError::PublicKey)?;
            Self::new(Algorithm::EdDSA, signing, verifying, lifetime)
        } else {
            let signing = EncodingKey::from_ec_pem(private).map_err(|_| KeyError::PrivateKey)?;
            let verifying = DecodingKey::from_ec_pem(public).map_err(|_| KeyError::PublicKey)?;
            Self::new(Algorithm::ES256, signing, verifying, lifetime)
        };
        tokens.check_pair()?;
        Ok(tokens)
    }

    fn new(algorithm: Algorithm, signing: EncodingKey, verifying: DecodingKey, lifetime: Duration) -> Self {
        let mut validation = Validation::new(algorithm);
        // Checked by `verify` against the time it is given.
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        Self { header: Header::new(algorithm), signing, verifying, validation, lifetime }
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
        let claims = self.decode(token)?;
        let expires_at = Timestamp::from_unix_millis(claims.exp.saturating_mul(1000));
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        Ok(Claims { user: claims.sub, session: claims.sid, expires_at })
    }

    fn decode(&self, token: &str) -> Result<JwtClaims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let data = decode::<JwtClaims>(token, &self.verifying, &self.validation).map_err(|_| TokenError::Invalid)?;
        Ok(data.claims)
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
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(15 * 60);
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_999);

    fn ids() -> (UserId, SessionId) {
        (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]))
    }

    fn issued(tokens: &AccessTokens) -> AccessToken {
        let (user, session) = ids();
        tokens.issue(user, session, NOW).unwrap()
    }

    fn pair(name: &str) -> (Vec<u8>, Vec<u8>) {
        let (private, public) = match name {
            "ed25519" => (ED_PRIVATE, ED_PUBLIC),
            "other ed25519" => (OTHER_ED_PRIVATE, OTHER_ED_PUBLIC),
            _ => (P256_PRIVATE, P256_PUBLIC),
        };
        let pem = |label: &str, body: &str| format!("-----BEGIN {label} KEY-----\n{body}\n-----END {label} KEY-----\n");
        (pem("PRIVATE", private).into_bytes(), pem("PUBLIC", public).into_bytes())
    }

    /// Every kind of key.
    fn all() -> [AccessTokens; 3] {
        let from_pair = |name| {
            let (private, public) = pair(name);
            AccessTokens::from_pem(&private, &public, LIFETIME).unwrap()
        };
        [AccessTokens::hs256(SECRET, LIFETIME).unwrap(), from_pair("ed25519"), from_pair("p256")]
    }

    fn base64(text: &str) -> String {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }

    #[test]
    fn issued_tokens_verify_until_the_very_millisecond_of_their_expiry() {
        for tokens in all() {
            let token = issued(&tokens);
            assert_eq!(token.expires_at, Timestamp::from_unix_millis(1_700_000_900_000), "{tokens:?}");
            let (user, session) = ids();
            let claims = Claims { user, session, expires_at: token.expires_at };
            let last = token.expires_at.minus(Duration::from_millis(1));
            assert_eq!(tokens.verify(&token.token, NOW), Ok(claims));
            assert_eq!(tokens.verify(&token.token, last), Ok(claims));
            assert_eq!(tokens.verify(&token.token, token.expires_at), Err(TokenError::Expired));
        }
    }

    #[test]
    fn the_lifetime_can_be_set() {
        let tokens = AccessTokens::hs256(SECRET, Duration::from_secs(2)).unwrap();
        assert_eq!(issued(&tokens).expires_at, Timestamp::from_unix_millis(1_700_000_002_000));
    }

    #[test]
    fn a_change_of_any_character_is_noticed() {
        for tokens in all() {
            let token = issued(&tokens).token;
            for at in 0..token.len() {
                let mut tampered = token.clone().into_bytes();
                tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
                let tampered = String::from_utf8(tampered).unwrap();
                assert_eq!(tokens.verify(&tampered, NOW), Err(TokenError::Invalid), "{tampered}");
            }
        }
    }

    #[test]
    fn tokens_of_other_keys_and_algorithms_are_refused() {
        let other = AccessTokens::hs256(b"another secret of thirty-two bytes", LIFETIME).unwrap();
        let all: Vec<_> = all().into_iter().chain([other]).collect();
        for (i, signer) in all.iter().enumerate() {
            let token = issued(signer).token;
            for (j, verifier) in all.iter().enumerate() {
                assert_eq!(verifier.verify(&token, NOW).is_ok(), i == j, "{signer:?} {verifier:?}");
            }
        }
    }

    /// The classic attack: an HMAC over the token with the public key's text as its secret.
    #[test]
    fn a_public_key_is_no_hmac_secret() {
        let (private, public) = pair("ed25519");
        let forged = issued(&AccessTokens::hs256(&public, LIFETIME).unwrap()).token;
        let tokens = AccessTokens::from_pem(&private, &public, LIFETIME).unwrap();
        assert_eq!(tokens.verify(&forged, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn unsigned_tokens_are_refused() {
        let (user, session) = ids();
        let claims =
            base64(&format!(r#"{{"sub":"{user}","sid":"{session}","iat":1,"exp":9999999999,"iss":"orderwire"}}"#));
        for tokens in all() {
            let signature = issued(&tokens).token.rsplit_once('.').unwrap().1.to_owned();
            for algorithm in ["none", "None", "NONE", "HS512", "RS256", ""] {
                let header = base64(&format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#));
                for signature in ["", signature.as_str()] {
                    let token = format!("{header}.{claims}.{signature}");
                    assert_eq!(tokens.verify(&token, NOW), Err(TokenError::Invalid), "{token}");
                }
            }
        }
    }

    #[test]
    fn other_claims_are_refused() {
        let tokens = AccessTokens::hs256(SECRET, LIFETIME).unwrap();
        let (user, session) = ids();
        let good =
            serde_json::json!({"sub": user, "sid": session, "iat": 1, "exp": 9_999_999_999_i64, "iss": "orderwire"});
        let signed = |claims: &serde_json::Value| encode(&tokens.header, claims, &tokens.signing).unwrap();
        assert!(tokens.verify(&signed(&good), NOW).is_ok());
        for (claim, value) in [
            ("iss", serde_json::json!("another")),
            ("sub", serde_json::json!(session)),
            ("sid", serde_json::json!(user)),
            ("exp", serde_json::json!("9999999999")),
            ("exp", serde_json::json!(null)),
            ("aud", serde_json::json!("another")),
        ] {
            let mut claims = good.clone();
            claims[claim] = value;
            assert_eq!(tokens.verify(&signed(&claims), NOW), Err(TokenError::Invalid), "{claims}");
        }
        for missing in ["iss", "sub", "sid", "exp"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(missing);
            assert_eq!(tokens.verify(&signed(&claims), NOW), Err(TokenError::Invalid), "{missing}");
        }
    }

    #[test]
    fn things_that_are_no_tokens_are_refused() {
        let tokens = AccessTokens::hs256(SECRET, LIFETIME).unwrap();
        for text in ["", ".", "..", "a.b.c", "...", "é.é.é", &"x".repeat(100_000)] {
            assert_eq!(tokens.verify(text, NOW), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn bad_keys_are_refused() {
        let error = |result: Result<AccessTokens, KeyError>| result.err();
        assert_eq!(error(AccessTokens::hs256(&SECRET[..31], LIFETIME)), Some(KeyError::ShortSecret(31)));
        let (ed, ed_public) = pair("ed25519");
        let (_, other_public) = pair("other ed25519");
        let (p256, p256_public) = pair("p256");
        assert_eq!(error(AccessTokens::from_pem(&ed, &other_public, LIFETIME)), Some(KeyError::NotAPair));
        assert_eq!(error(AccessTokens::from_pem(&ed, &p256_public, LIFETIME)), Some(KeyError::PublicKey));
        assert_eq!(error(AccessTokens::from_pem(&p256, &ed_public, LIFETIME)), Some(KeyError::PublicKey));
        assert_eq!(error(AccessTokens::from_pem(&ed_public, &ed_public, LIFETIME)), Some(KeyError::PrivateKey));
        assert_eq!(error(AccessTokens::from_pem(b"", b"", LIFETIME)), Some(KeyError::PrivateKey));
    }

    #[test]
    fn debug_output_holds_no_secrets() {
        let tokens = AccessTokens::hs256(SECRET, LIFETIME).unwrap();
        let token = issued(&tokens);
        let printed = format!("{tokens:?} {token:?}");
        assert!(!printed.contains(&token.token) && !printed.contains("0123"), "{printed}");
        assert!(!printed.contains(&format!("{SECRET:?}")[1..20]), "{printed}");
    }

    const ED_PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEIG+ztLkOjZMTRg1lVuCXVgY8769eP7sR1y2nX8cydOZS";
    const ED_PUBLIC: &str = "MCowBQYDK2VwAyEAQN+2g0ylWgpC7/oApXxSMXnF4jFi2i4OyO/L4zTPMFs=";
    const OTHER_ED_PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEIBG3n2WQBAjJah0w2MojsczDfld7Tv+b6898gNWU7AMD";
    const OTHER_ED_PUBLIC: &str = "MCowBQYDK2VwAyEA/SJ+BA7ySVov1Kgv7GbAFS5VX+/lQQwnxnLNXLq0yFo=";
    const P256_PRIVATE: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4wdrePkEHN+dJaa8\nITDBtBLcoJmqW9QV6fIjezDxMHChRANCAASuHpAXpDaZrzJYmvBL9wvlz0OJss3P\nMlDogPbvctnOpPO0TRLrZNxHwoUVVv+qEblfnQhGRFPUWIwaQlmzvRG4";
    const P256_PUBLIC: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErh6QF6Q2ma8yWJrwS/cL5c9DibLN\nzzJQ6ID273LZzqTztE0S62TcR8KFFVb/qhG5X50IRkRT1FiMGkJZs70RuA==";
}
