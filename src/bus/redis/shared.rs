//! A connection to what nodes share in Redis and can do without for a while.

use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use redis::{
    RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{BusError, client};

/// How long Redis may take to answer, connecting included.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long Redis is left alone after it failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Connects when it is used first, and again by itself.
pub(super) struct Shared {
    connection: ConnectionManager,
    address: String,
    /// What is shared, for the log.
    what: &'static str,
    /// Until when Redis is left alone.
    away_until: Mutex<Option<Instant>>,
}

impl Shared {
    /// The only error is [`BusError::Url`]. Must be called within a Tokio runtime.
    pub fn open(url: &str, what: &'static str) -> Result<Self, BusError> {
        let (client, address) = client(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(|_| BusError::Url)?;
        Ok(Self { connection, address, what, away_until: Mutex::new(None) })
    }

    /// What Redis answers; `None` when it is away.
    pub async fn ask<T>(&self, work: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>) -> Option<T> {
        let was_away = match *self.away_until() {
            Some(until) if Instant::now() < until => return None,
            away => away.is_some(),
        };
        let mut connection = self.connection.clone();
        let failure = match timeout(PATIENCE, work(&mut connection)).await {
            Ok(Ok(answer)) => {
                if was_away {
                    info!(address = self.address, "Redis is back: nodes share {} again", self.what);
                    *self.away_until() = None;
                }
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {PATIENCE:?}"),
        };
        if !was_away {
            warn!(address = self.address, failure, "no Redis: each node has {} of its own", self.what);
        }
        *self.away_until() = Some(Instant::now() + PAUSE);
        None
    }

    fn away_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away_until.lock()
    }
}
