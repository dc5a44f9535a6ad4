//! Refresh tokens: opaque text that names a session and proves that its bearer may go on with it.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::domain::SessionId;

const PREFIX: &str = "owr_";
const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const BYTES: usize = ID_BYTES + SECRET_BYTES;
/// Characters after the prefix: the bytes fill them without a rest, so every token has one spelling.
const TEXT_BYTES: usize = BYTES / 3 * 4;

/// The text is not a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct InvalidRefreshToken;

/// A refresh token. What is stored is its [hash](Self::hash).
#[derive(Clone)]
pub struct RefreshToken {
    session: SessionId,
    secret: [u8; SECRET_BYTES],
}

impl RefreshToken {
    /// A new random token of this session.
    pub fn generate(session: SessionId) -> Self {
        let mut secret = [0; SECRET_BYTES];
        rand::rng().fill_bytes(&mut secret);
        Self { session, secret }
    }

    /// The session it belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The text for the client. There is no `Display`, so that it is not logged by accident.
    pub fn reveal(&self) -> String {
        let mut bytes = [0; BYTES];
        bytes[..ID_BYTES].copy_from_slice(&self.session.to_bytes());
        bytes[ID_BYTES..].copy_from_slice(&self.secret);
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// SHA-256 of the secret. No slow hash is needed: 256 random bits can't be guessed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }
}

impl FromStr for RefreshToken {
    type Err = InvalidRefreshToken;
    fn from_str(text: &str) -> Result<Self, InvalidRefreshToken> {
        let body = text.strip_prefix(PREFIX).filter(|body| body.len() == TEXT_BYTES).ok_or(InvalidRefreshToken)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| InvalidRefreshToken)?;
        let (id, secret) = bytes.split_first_chunk::<ID_BYTES>().ok_or(InvalidRefreshToken)?;
        let secret = secret.try_into().map_err(|_| InvalidRefreshToken)?;
        Ok(Self { session: SessionId::from_bytes(*id), secret })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> SessionId {
        SessionId::from_bytes([7; 16])
    }

    #[test]
    fn text_round_trips() {
        let token = RefreshToken::generate(session());
        let parsed: RefreshToken = token.reveal().parse().unwrap();
        assert_eq!((parsed.session(), parsed.hash()), (session(), token.hash()));
        assert_eq!(parsed.reveal(), token.reveal());
    }

    #[test]
    fn tokens_of_one_session_differ() {
        assert_ne!(RefreshToken::generate(session()).hash(), RefreshToken::generate(session()).hash());
    }

    #[test]
    fn anything_else_is_refused() {
        let good = RefreshToken::generate(session()).reveal();
        for bad in [
            String::new(),
            "owr_".to_owned(),
            good[4..].to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            format!("{good}="),
            format!(" {good}"),
            good.replace("owr_", "OWR_"),
            format!("{}+", &good[..good.len() - 1]),
            format!("{}é", &good[..good.len() - 2]),
            format!("owr_{}", "A".repeat(63)),
            "A".repeat(100_000),
        ] {
            assert!(bad.parse::<RefreshToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_output_does_not_hold_the_secret() {
        let token = RefreshToken { session: session(), secret: [171; 32] };
        let printed = format!("{token:?}");
        assert!(!printed.contains("171") && !printed.contains("q6ur"), "{printed}");
    }
}
