//! The keys that sign tokens, and those that encrypt secrets in the database.

use std::path::Path;

use rand::Rng;

use super::error::StartError;
use crate::{
    auth::{AccessTokens, FieldKeys},
    config::{Auth, Config},
    storage::DeploymentId,
};

/// What signs and checks access tokens.
pub(super) fn tokens(auth: &Auth) -> Result<AccessTokens, StartError> {
    let lifetime = auth.access_token_lifetime;
    Ok(match (&auth.private_key_file, &auth.public_key_file, &auth.jwt_secret) {
        (Some(private), Some(public), _) => AccessTokens::from_pem(&read_key(private)?, &read_key(public)?, lifetime)?,
        (_, _, Some(secret)) => AccessTokens::hs256(secret.reveal().as_bytes(), lifetime)?,
        // Development only: the configuration sees to that.
        (_, _, None) => AccessTokens::hs256(&rand::rng().random::<[u8; 32]>(), lifetime)?,
    })
}

fn read_key(path: &Path) -> Result<Vec<u8>, StartError> {
    std::fs::read(path).map_err(|cause| StartError::KeyFile { path: path.to_owned(), cause })
}

/// The deployment of this process, which signs with `tokens`. `None` without a signing key of its own.
pub(super) fn deployment(auth: &Auth, tokens: &AccessTokens) -> Option<DeploymentId> {
    let has_key = auth.jwt_secret.is_some() || auth.private_key_file.is_some();
    has_key.then(|| DeploymentId(i64::from_be_bytes(tokens.key_hash())))
}

/// What encrypts the secrets of webhooks; in development a key that this process alone has, unless there are others.
pub(super) fn field_keys(config: &Config) -> Result<Option<FieldKeys>, StartError> {
    let keys = config.webhooks.encryption_keys.as_ref().map(|keys| FieldKeys::parse(keys.reveal())).transpose();
    let keys = keys.map_err(StartError::EncryptionKeys)?;
    Ok(keys.or_else(|| (!config.is_production()).then(FieldKeys::random)))
}
