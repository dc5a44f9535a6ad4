//! Limits on open connections: in total on this node, and for each client address.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::http::{StatusCode, header};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::keyed_limiter::{KeyedLimiter, Permit};
use crate::{
    domain::ClientAddress,
    http::{error::HttpError, options::ServerLimits},
    telemetry::metrics,
};

/// How many rejected connections may be sent a response at once. Beyond that they are closed without one.
const MAX_REJECTIONS: usize = 64;

/// How long sending the response to a rejected client may take.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// Minimum time between two log lines about rejected connections.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Hands out a permit for each connection while the limits allow it.
pub(in crate::http) struct ConnectionLimiter {
    limits: ServerLimits,
    node: Arc<Semaphore>,
    clients: Arc<KeyedLimiter<ClientAddress>>,
    rejections: Arc<Semaphore>,
    refused: AtomicU64,
    logged: Mutex<Option<Instant>>,
}

/// The right to keep one connection open; released on drop.
pub(in crate::http) struct ConnectionPermit {
    _node: OwnedSemaphorePermit,
    _client: Permit<ClientAddress>,
}

impl ConnectionLimiter {
    pub(in crate::http) fn new(limits: &ServerLimits) -> Self {
        Self {
            node: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            clients: KeyedLimiter::new(limits.connections_per_address),
            limits: limits.clone(),
            rejections: Arc::new(Semaphore::new(MAX_REJECTIONS)),
            refused: AtomicU64::new(0),
            logged: Mutex::default(),
        }
    }

    /// A permit for a connection from `address`. The error is the message for the client.
    pub(in crate::http) fn acquire(&self, address: IpAddr) -> Result<ConnectionPermit, String> {
        let client = self.limits.clients.for_connection(address);
        let client = self.clients.acquire_for_client(client).map_err(|reason| format!("{reason}."))?;
        match self.node.clone().try_acquire_owned() {
            Ok(node) => Ok(ConnectionPermit { _node: node, _client: client }),
            Err(_) => {
                metrics().refusals.with_labels(["connections"]).inc();
                Err(format!("Too many connections: at most {} at once.", self.limits.connections))
            }
        }
    }

    /// Responds with 503 and the reason, then closes the connection.
    pub(in crate::http) fn reject(&self, mut stream: TcpStream, peer: SocketAddr, reason: String) {
        self.log(peer, &reason);
        let Ok(permit) = self.rejections.clone().try_acquire_owned() else { return };
        let failure = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", reason);
        let answer = failure.with_header(header::RETRY_AFTER, "1").to_bytes();
        tokio::spawn(async move {
            let _permit = permit;
            let rejection = async {
                stream.write_all(&answer).await?;
                stream.shutdown().await?;
                // Closing a socket with unread data resets it, and the client would lose the response.
                let mut request = [0; 1024];
                while stream.read(&mut request).await? > 0 {}
                Ok::<_, std::io::Error>(())
            };
            let _ = tokio::time::timeout(REJECTION_TIMEOUT, rejection).await;
        });
    }

    /// Logs at most once per `LOG_EVERY`, so that a flood of connections does not flood the log.
    fn log(&self, peer: SocketAddr, reason: &str) {
        let refused = self.refused.fetch_add(1, Relaxed) + 1;
        let mut logged = self.logged.lock();
        if logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            *logged = Some(Instant::now());
            tracing::warn!(reason, %peer, refused_so_far = refused, "a connection was refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(connections: usize, connections_per_address: usize) -> ConnectionLimiter {
        let limits = crate::app::http_options(&crate::config::Config::default()).limits;
        ConnectionLimiter::new(&ServerLimits { connections, connections_per_address, ..limits })
    }

    #[test]
    fn connections_of_the_node_are_limited() {
        let limiter = limiter(2, 9);
        let local = IpAddr::from([127, 0, 0, 1]);
        let permits = [limiter.acquire(local).unwrap(), limiter.acquire(local).unwrap()];
        let reason = limiter.acquire(local).err().unwrap();
        assert_eq!(reason, "Too many connections: at most 2 at once.");
        drop(permits);
        assert!(limiter.acquire(local).is_ok());
    }

    #[test]
    fn connections_of_one_address_are_limited() {
        let limiter = limiter(99, 1);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let permit = limiter.acquire(address("192.0.2.1")).unwrap();
        let _network = limiter.acquire(address("2001:db8::1")).unwrap();
        for (from, admitted) in [
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::2", false),
            ("2001:db8:0:1::1", true),
        ] {
            assert_eq!(limiter.acquire(address(from)).is_ok(), admitted, "{from}");
        }
        drop(permit);
        assert!(limiter.acquire(address("192.0.2.1")).is_ok());
    }
}
