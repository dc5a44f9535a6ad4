//! Refresh tokens: opaque text that names a session and proves that its bearer may go on with it.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::domain::{PresentedToken, RefreshSalt, SessionId, TokenHash};

const PREFIX: &str = "owr_";
const ID_BYTES: usize = 16;
const PART_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + 2 * PART_BYTES;
/// Characters after the prefix: the bytes fill them without a rest, so every token has one spelling.
const TEXT_BYTES: usize = BYTES / 3 * 4;

/// The text is not a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct InvalidRefreshToken;

/// A refresh token. What is stored are hashes of it. No slow hash is needed: 128 random bits can't be guessed.
///
/// Decision: `docs/decisions/0020-refresh-tokens.md`.
#[derive(Clone)]
pub struct RefreshToken {
    session: SessionId,
    /// All tokens of the session have this part, and nothing else has it.
    family: [u8; PART_BYTES],
    secret: [u8; PART_BYTES],
}

impl RefreshToken {
    /// The first token of this session.
    pub fn generate(session: SessionId) -> Self {
        Self { session, family: random(), secret: random() }
    }

    /// The session it belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The token that replaces this one. The store keeps the salt and hashes of the tokens, so the successor can be made
    /// only from this token and the store together.
    pub fn successor(&self, salt: &RefreshSalt) -> Self {
        let digest = self.digest().chain_update(salt).finalize();
        let mut secret = [0; PART_BYTES];
        secret.copy_from_slice(&digest[..PART_BYTES]);
        Self { secret, ..self.clone() }
    }

    /// What the store decides from when this token is presented: its hashes, and a successor with a random salt.
    pub fn present(&self) -> PresentedToken {
        let salt = random();
        PresentedToken { family: self.family_hash(), token: self.hash(), next: self.successor(&salt).hash(), salt }
    }

    /// The text for the client. There is no `Display`, so that it is not logged by accident.
    pub fn reveal(&self) -> String {
        let bytes = [self.session.to_bytes(), self.family, self.secret].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// SHA-256 of what follows the session's id.
    pub fn hash(&self) -> TokenHash {
        self.digest().finalize().into()
    }

    /// SHA-256 of the part that all tokens of the session share.
    pub fn family_hash(&self) -> TokenHash {
        Sha256::digest(self.family).into()
    }

    fn digest(&self) -> Sha256 {
        Sha256::new().chain_update(self.family).chain_update(self.secret)
    }
}

fn random() -> [u8; PART_BYTES] {
    let mut bytes = [0; PART_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

impl FromStr for RefreshToken {
    type Err = InvalidRefreshToken;
    fn from_str(text: &str) -> Result<Self, InvalidRefreshToken> {
        let body = text.strip_prefix(PREFIX).filter(|body| body.len() == TEXT_BYTES).ok_or(InvalidRefreshToken)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| InvalidRefreshToken)?;
        let (id, rest) = bytes.split_first_chunk::<ID_BYTES>().ok_or(InvalidRefreshToken)?;
        let (family, secret) = rest.split_first_chunk::<PART_BYTES>().ok_or(InvalidRefreshToken)?;
        let secret = secret.try_into().map_err(|_| InvalidRefreshToken)?;
        Ok(Self { session: SessionId::from_bytes(*id), family: *family, secret })
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
    fn a_token_and_a_salt_give_one_successor_of_the_same_family() {
        let token = RefreshToken::generate(session());
        let presented = token.present();
        let next = token.successor(&presented.salt);
        assert_eq!(next.hash(), presented.next);
        assert_eq!((next.session(), next.family_hash()), (session(), token.family_hash()));
        assert_ne!(next.hash(), token.hash());
        assert_ne!(next.hash(), token.present().next, "each attempt has a salt of its own");
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
        let token = RefreshToken { session: session(), family: [171; 16], secret: [171; 16] };
        let printed = format!("{token:?}");
        assert!(!printed.contains("171") && !printed.contains("q6ur"), "{printed}");
    }
}
