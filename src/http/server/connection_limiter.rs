//! Who may connect: bounds on the connections of this node and of each client address.

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

/// How many refused connections may be told why at once; others are closed without a word.
const MAX_REJECTIONS: usize = 64;

/// How long a refused client may take to read why.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// How often refusals are logged at most.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Lets connections in as long as there is room.
pub(in crate::http) struct ConnectionLimiter {
    limits: ServerLimits,
    node: Arc<Semaphore>,
    clients: Arc<KeyedLimiter<ClientAddress>>,
    rejections: Arc<Semaphore>,
    refused: AtomicU64,
    logged: Mutex<Option<Instant>>,
}

/// The place of one connection; dropping it makes room.
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

    /// A place for a connection from there; fails with what to tell the client.
    pub(in crate::http) fn acquire(&self, address: IpAddr) -> Result<ConnectionPermit, String> {
        let Some(client) = self.clients.try_take(self.limits.clients.of_connection(address)) else {
            metrics().refusals.with_labels(["connections_per_address"]).inc();
            let limit = self.limits.connections_per_address;
            return Err(format!("Too many connections: at most {limit} of one address at once."));
        };
        match self.node.clone().try_acquire_owned() {
            Ok(node) => Ok(ConnectionPermit { _node: node, _client: client }),
            Err(_) => {
                metrics().refusals.with_labels(["connections"]).inc();
                Err(format!("Too many connections: at most {} at once.", self.limits.connections))
            }
        }
    }

    /// Sends a client away.
    pub(in crate::http) fn refuse(&self, mut stream: TcpStream, peer: SocketAddr, reason: String) {
        self.log(peer, &reason);
        let Ok(permit) = self.rejections.clone().try_acquire_owned() else { return };
        let failure = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", reason);
        let answer = failure.with_header(header::RETRY_AFTER, "1").to_bytes();
        tokio::spawn(async move {
            let _permit = permit;
            let rejection = async {
                stream.write_all(&answer).await?;
                stream.shutdown().await?;
                // Closing with a request unread would have the client's system throw the answer away.
                let mut request = [0; 1024];
                while stream.read(&mut request).await? > 0 {}
                Ok::<_, std::io::Error>(())
            };
            let _ = tokio::time::timeout(REJECTION_TIMEOUT, rejection).await;
        });
    }

    /// Once in a while: whoever floods the node with connections must not flood the log as well.
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
        ConnectionLimiter::new(&ServerLimits { connections, connections_per_address, ..ServerLimits::default() })
    }

    #[test]
    fn the_node_has_a_limit() {
        let limiter = limiter(2, 9);
        let local = IpAddr::from([127, 0, 0, 1]);
        let places = [limiter.acquire(local).unwrap(), limiter.acquire(local).unwrap()];
        let reason = limiter.acquire(local).err().unwrap();
        assert_eq!(reason, "Too many connections: at most 2 at once.");
        drop(places);
        assert!(limiter.acquire(local).is_ok());
    }

    #[test]
    fn each_address_has_a_limit() {
        let limiter = limiter(99, 1);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let place = limiter.acquire(address("192.0.2.1")).unwrap();
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
        drop(place);
        assert!(limiter.acquire(address("192.0.2.1")).is_ok());
    }
}
