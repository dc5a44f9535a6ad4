//! Settings of webhooks.

use std::time::Duration;

use ipnet::IpNet;

use super::{Secret, section::section};

section! {
    /// Webhooks, which send events to other servers.
    "webhooks" Webhooks {
        /// Keys that encrypt the secrets of webhooks in the database: `NAME:KEY`, each key 32 bytes in base64
        /// (`openssl rand -base64 32`). All nodes need the same ones. To replace a key, put a new one with another name in front,
        /// separated by a comma. Without keys webhooks can't be made; in development a random one is used until the process ends.
        encryption_keys: Option<Secret> = None, example "\"k1:change me, 32 bytes in base64\"";
        /// Networks that webhooks may be sent to although they are not public, such as 10.1.0.0/16.
        allowed_networks: Vec<IpNet> = Vec::new();
        /// How long a receiver may take to answer.
        timeout: Duration = Duration::from_secs(10), in Duration::from_millis(100)..=Duration::from_secs(14);
    }
}
