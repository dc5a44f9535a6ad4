//! Secrets of API keys: random text that a machine sends in place of an access token.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::domain::TokenHash;

const PREFIX: &str = "owk_";
const BYTES: usize = 30;
/// Characters after the prefix: the bytes fill them without a rest, so every secret has one spelling.
const TEXT_BYTES: usize = BYTES / 3 * 4;
/// Characters that are stored and shown, so that people can tell keys apart. They leave 204 bits secret.
const SHOWN: usize = PREFIX.len() + 6;

/// The text is not the secret of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the secret of an API key")]
pub struct InvalidApiKey;

/// The secret of an API key: 240 random bits. What is stored is a hash of it. No slow hash is needed: they can't be guessed.
///
/// Decision: `docs/decisions/0034-api-keys.md`.
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    /// A secret that nobody else has, from the random numbers of the system.
    pub fn generate() -> Self {
        let mut bytes = [0; BYTES];
        rand::rng().fill_bytes(&mut bytes);
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whether a bearer token is meant to be an API key: no access token begins like one.
    pub fn is_meant_by(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// The text for the client. There is no `Display`, so that it is not logged by accident.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The first characters, by which people recognise the key.
    pub fn prefix(&self) -> &str {
        self.0.get(..SHOWN).unwrap_or_default()
    }

    /// SHA-256 of the text.
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(&self.0).into()
    }
}

impl FromStr for ApiKeySecret {
    type Err = InvalidApiKey;
    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let body = text.strip_prefix(PREFIX).filter(|body| body.len() == TEXT_BYTES).ok_or(InvalidApiKey)?;
        BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| InvalidApiKey)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeySecret").field("prefix", &self.prefix()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        let secret = ApiKeySecret::generate();
        let parsed: ApiKeySecret = secret.reveal().parse().unwrap();
        assert_eq!((parsed.reveal(), parsed.hash()), (secret.reveal(), secret.hash()));
        assert_eq!(secret.reveal().len(), 44);
        assert_ne!(ApiKeySecret::generate().hash(), secret.hash());
    }

    #[test]
    fn anything_else_is_refused() {
        let good = ApiKeySecret::generate().reveal().to_owned();
        for bad in [
            String::new(),
            "owk_".to_owned(),
            good[4..].to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            format!("{good}="),
            format!(" {good}"),
            good.replace("owk_", "OWK_"),
            good.replace("owk_", "owr_"),
            format!("{}+", &good[..good.len() - 1]),
            format!("{}é", &good[..good.len() - 2]),
            "owk_".repeat(100_000),
        ] {
            assert!(bad.parse::<ApiKeySecret>().is_err(), "{bad:.60}");
        }
    }

    #[test]
    fn debug_output_holds_the_prefix_alone() {
        let secret = ApiKeySecret::generate();
        let printed = format!("{secret:?}");
        assert!(printed.contains(secret.prefix()) && !printed.contains(&secret.reveal()[..SHOWN + 1]), "{printed}");
    }
}
