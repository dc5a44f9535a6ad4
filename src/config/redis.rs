//! The bus between nodes.

use std::time::Duration;

use super::{SecretUrl, Setting, reader::section};

/// Where Redis is. Printed without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl(SecretUrl);

impl RedisUrl {
    /// The URL with its password.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl Setting for RedisUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let url = SecretUrl::new(text);
        match url.scheme() {
            "redis" | "rediss" => Ok(Self(url)),
            _ => Err("has to be redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], or rediss:// for TLS".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(&self.0.to_string()))
    }
}

section! {
    /// What several nodes share besides the database.
    "redis" Redis {
        /// Redis, which carries events from node to node at once: `redis://…`, or `rediss://…` for TLS. Without it, a
        /// node is told only of its own events and finds those of others in the database, a little later. Nodes share
        /// the documents that clients register and the rate limits there, too.
        url: Option<RedisUrl> = None, env "REDIS_URL", example "\"redis://127.0.0.1:6379\"";
        /// How long Redis may take to be connected to when a node starts; `server.start_wait` says how often it is tried again.
        connect_timeout: Duration = Duration::from_secs(5), in Duration::from_millis(100)..=Duration::from_secs(300);
    }
}
