//! Bearer tokens: the JWTs that Orderwire issues with the same secret.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use ulid::Ulid;

use crate::{Shop, routes::Refusal};

const ISSUER: &str = "orderwire";

/// Verifies tokens.
pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

/// The customer whose token a request carries.
pub struct Customer(pub Ulid);

impl Tokens {
    pub fn hs256(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        Self { key: DecodingKey::from_secret(secret), validation }
    }

    fn verify(&self, token: &str) -> Option<Customer> {
        let claims = decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        Ulid::from_string(claims.sub.strip_prefix("usr_")?).ok().map(Customer)
    }
}

impl FromRequestParts<Arc<Shop>> for Customer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Refusal> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refusal::Unauthenticated)?;
        shop.tokens.verify(token).ok_or(Refusal::Unauthenticated)
    }
}
