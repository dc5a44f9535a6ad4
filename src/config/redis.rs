//! Settings of Redis, which connects the nodes of a cluster.

use std::time::Duration;

use super::{SecretUrl, Setting, section::section};

/// URL of a Redis server. It is printed without the password.
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
            _ => Err("must be redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], or rediss:// for TLS".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(super::setting::quoted(&self.0.to_string()))
    }
}

section! {
    /// Redis, which several nodes share besides the database.
    "redis" Redis {
        /// `redis://…`, or `rediss://…` for TLS. Redis carries events from node to node without delay; without it, a node
        /// finds events of other nodes in the database, up to `feed.poll_every` later. Nodes also share rate limits and
        /// the documents that clients register through Redis.
        url: Option<RedisUrl> = None, env "REDIS_URL", example "\"redis://127.0.0.1:6379\"";
        /// How long a node that starts waits for the connection to Redis. After that it starts without Redis, says so in
        /// the log and in `/readyz`, and connects when Redis is there.
        connect_timeout: Duration = Duration::from_secs(5), in Duration::from_millis(100)..=Duration::from_secs(300);
    }
}
