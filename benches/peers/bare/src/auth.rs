//! Bearer tokens: the JWTs that the Apollo peer issues with the same secret.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

/// Verifies tokens.
pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

/// The id of the user whose token a request carries.
pub struct Viewer(pub String);

/// The header has something else than a valid token.
pub struct InvalidToken;

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Tokens {
    pub fn hs256(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        Self { key: DecodingKey::from_secret(secret), validation }
    }

    /// The viewer of a request with these headers; `None` without a token.
    pub fn viewer(&self, headers: &HeaderMap) -> Result<Option<Viewer>, InvalidToken> {
        let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
        let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).ok_or(InvalidToken)?;
        let claims = decode::<Claims>(token, &self.key, &self.validation).map_err(|_| InvalidToken)?.claims;
        Ok(Some(Viewer(claims.sub)))
    }
}
