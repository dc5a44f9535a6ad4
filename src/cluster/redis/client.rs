//! Connecting to Redis, and the connection for what a node can do without for a while.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{
    Client, IntoConnectionInfo, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use tokio::time::timeout;
use tracing::{info, warn};

/// How long a call may take, connecting included, unless something waits for it that could do without.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_millis(250);
/// How long Redis is not called after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Redis can't be used. Never holds the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL is malformed.
    #[error("not a Redis URL; expected redis://[user[:password]@]host[:port][/database], or rediss:// for TLS")]
    Url,
    /// The server does not accept this client: its credentials, its permissions or the number of the database; or it is
    /// no Redis.
    #[error("Redis at {address} refuses the connection: {reason}; check user, password and database in REDIS_URL")]
    Refused {
        /// Host and port.
        address: String,
        /// What the server says.
        reason: String,
    },
}

/// Fails with [`ConnectError::Url`] if a URL is malformed. Connects to nothing.
pub fn check_url(url: &str) -> Result<(), ConnectError> {
    client(url).map(drop)
}

/// A client for a URL, and the server's address for the log. Connects only when used.
pub(super) fn client(url: &str) -> Result<(Client, String), ConnectError> {
    let info = url.into_connection_info().map_err(|_| ConnectError::Url)?;
    let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let address = info.addr().to_string();
    Ok((Client::open(info).map_err(|_| ConnectError::Url)?, address))
}

/// A connection to Redis for optional state: calls are short, fail softly, and pause after a failure.
/// Connects at the first call, and again when the connection is lost.
pub(super) struct OptionalRedis {
    connection: ConnectionManager,
    address: String,
    /// What is kept there, for the log.
    content: &'static str,
    /// How long a call may take, connecting included.
    within: Duration,
    /// No calls before this time, after a failure.
    paused_until: Mutex<Option<Instant>>,
}

impl OptionalRedis {
    /// The only error is [`ConnectError::Url`]. Must be called within a Tokio runtime.
    pub fn open(url: &str, content: &'static str, within: Duration) -> Result<Self, ConnectError> {
        let (client, address) = client(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(within))
            .set_response_timeout(Some(within))
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(|_| ConnectError::Url)?;
        Ok(Self { connection, address, content, within, paused_until: Mutex::new(None) })
    }

    /// Runs `command`. `None` when Redis fails, does not answer in time, or is paused after a failure.
    pub async fn call<T>(
        &self,
        command: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Option<T> {
        let paused_until = *self.paused_until.lock();
        if paused_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let failed_before = paused_until.is_some();
        let mut connection = self.connection.clone();
        let failure = match timeout(self.within, command(&mut connection)).await {
            Ok(Ok(answer)) => {
                if failed_before {
                    info!(address = self.address, "Redis is back: nodes share {} again", self.content);
                    *self.paused_until.lock() = None;
                }
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.within),
        };
        if !failed_before {
            warn!(address = self.address, failure, "Redis is away: each node keeps {} of its own", self.content);
        }
        *self.paused_until.lock() = Some(Instant::now() + RETRY_AFTER);
        None
    }
}
