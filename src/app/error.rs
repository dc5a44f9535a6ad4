//! Why Orderwire cannot start.

use std::{io, path::PathBuf};

use crate::{
    auth::{InvalidFieldKeys, KeyError, PasswordError},
    cluster::redis::ConnectError,
    graphql::{InvalidDocuments, ManifestError},
    storage::StoreError,
};

/// Why Orderwire cannot start. Each message is one line for the operator, without secrets.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database can't be used.
    #[error("cannot use the database: {0}")]
    Database(String),
    /// Redis can't be used.
    #[error(transparent)]
    Bus(#[from] ConnectError),
    /// The keys that sign tokens can't be used.
    #[error("cannot sign access tokens: {0}")]
    Keys(#[from] KeyError),
    /// A key file can't be read.
    #[error("cannot read {}: {cause}", path.display())]
    KeyFile {
        /// Path of the file that could not be used.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The manifest of operations can't be read.
    #[error("operations.manifest: cannot read {}: {cause}", path.display())]
    ManifestFile {
        /// Path of the file that could not be used.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The manifest of operations is none.
    #[error("operations.manifest: {}: {cause}", path.display())]
    Manifest {
        /// Path of the file that could not be used.
        path: PathBuf,
        /// What is wrong.
        cause: ManifestError,
    },
    /// The schema is not valid, or an operation of the manifest can't be run.
    #[error("{}{_0}", if matches!(_0, InvalidDocuments::Operation { .. }) { "operations.manifest: " } else { "" })]
    Documents(#[from] InvalidDocuments),
    /// The keys that encrypt the secrets of webhooks can't be used.
    #[error("webhooks.encryption_keys: {0}")]
    EncryptionKeys(InvalidFieldKeys),
    /// The URL of RabbitMQ can't be used.
    #[error("rabbitmq.url: {0}")]
    RabbitMq(&'static str),
    /// The cost of password hashes is out of range.
    #[error("cannot hash passwords: {0}")]
    Passwords(#[from] PasswordError),
    /// The address can't be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address, as configured.
        address: String,
        /// What the system says.
        cause: io::Error,
    },
}

impl From<StoreError> for StartError {
    /// The engines say which database and what to do; here their text has no preamble.
    fn from(error: StoreError) -> Self {
        Self::Database(match error {
            StoreError::Unavailable(reason) => reason,
            StoreError::Internal(cause) => cause.to_string(),
            other => other.to_string(),
        })
    }
}
