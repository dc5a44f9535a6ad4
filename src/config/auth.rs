//! Settings of tokens and passwords.

use std::{collections::BTreeSet, num::NonZeroUsize, path::PathBuf, time::Duration};

use super::{Secret, section::section};

/// The minimum length of a secret, in bytes: RFC 7518, section 3.2.
const MIN_SECRET_BYTES: usize = 32;

section! {
    /// Tokens and passwords.
    "auth" Auth {
        /// Secret that signs access tokens, at least 32 bytes: `openssl rand -base64 48` makes one. All nodes need the
        /// same one. Required in production unless there is a key pair; in development a random one is generated at
        /// start.
        jwt_secret: Option<Secret> = None, env "JWT_SECRET", example "\"change-me: 32 random bytes or more\"";
        /// The private key that signs access tokens, instead of `jwt_secret` (Ed25519 or P-256, PKCS #8 PEM).
        private_key_file: Option<PathBuf> = None, example "\"/run/secrets/orderwire.key\"";
        /// The public key that belongs to `private_key_file` (PEM).
        public_key_file: Option<PathBuf> = None, example "\"/run/secrets/orderwire.pub\"";
        /// How long an access token is valid.
        access_token_lifetime: Duration = Duration::from_secs(15 * 60),
            in Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
        /// How long a session lasts without being refreshed.
        session_lifetime: Duration = Duration::from_secs(30 * 24 * 3600),
            in Duration::from_secs(1)..=Duration::from_secs(3650 * 24 * 3600);
        /// Password hashes (Argon2id): memory for each, in KiB.
        password_memory: u32 = 19_456, in 8..=4 * 1024 * 1024;
        /// Password hashes: passes over the memory.
        password_passes: u32 = 2, in 1..=100;
        /// How many password hashes are computed at the same time. If unset, one for each processor core.
        password_concurrency: Option<NonZeroUsize> = None, example "2";
    }
}

impl Auth {
    /// Problems with the keys that sign tokens, each as the setting's key and a message.
    pub(super) fn faults(&self, production: bool) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let has_pair = match (&self.private_key_file, &self.public_key_file) {
            (Some(_), Some(_)) => true,
            (None, None) => false,
            (Some(_), None) => {
                faults.push(("auth.public_key_file", "is needed with auth.private_key_file".to_owned()));
                true
            }
            (None, Some(_)) => {
                faults.push(("auth.private_key_file", "is needed with auth.public_key_file".to_owned()));
                true
            }
        };
        let advice = "32 random bytes or more, for example from `openssl rand -base64 48`";
        match &self.jwt_secret {
            Some(_) if has_pair => {
                faults
                    .push(("auth.jwt_secret", "cannot be combined with a key pair: remove one of the two".to_owned()));
            }
            Some(secret) if secret.reveal().len() < MIN_SECRET_BYTES => {
                faults.push(("auth.jwt_secret", format!("is too short; it must be {advice}")));
            }
            Some(secret) if production && is_placeholder(secret.reveal()) => {
                faults.push(("auth.jwt_secret", format!("is a well-known placeholder; it must be {advice}")));
            }
            None if production && !has_pair => {
                faults.push(("auth.jwt_secret", format!("is required in production (JWT_SECRET): {advice}")));
            }
            _ => {}
        }
        faults
    }
}

/// Whether a secret looks like a placeholder from documentation or a template.
fn is_placeholder(secret: &str) -> bool {
    let letters: String = secret.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let words = [
        "changeme",
        "changethis",
        "placeholder",
        "yoursecret",
        "mysecret",
        "supersecret",
        "example",
        "default",
        "insecure",
    ];
    words.iter().any(|word| letters.contains(word)) || secret.bytes().collect::<BTreeSet<_>>().len() < 8
}
