//! Who may connect: bounds on the connections of this node and of each client address.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::http::{StatusCode, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    error::Failure,
    limits::Limits,
    seats::{Seat, Seats},
};
use crate::{domain::ClientAddress, telemetry::metrics};

/// How many refused connections may be told why at once; others are closed without a word.
const FAREWELLS: usize = 64;

/// How long a refused client may take to read why.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// How often refusals are logged at most.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Lets connections in as long as there is room.
pub(super) struct Door {
    limits: Limits,
    node: Arc<Semaphore>,
    clients: Arc<Seats<ClientAddress>>,
    farewells: Arc<Semaphore>,
    refused: AtomicU64,
    logged: Mutex<Option<Instant>>,
}

/// The place of one connection; dropping it makes room.
pub(super) struct Place {
    _node: OwnedSemaphorePermit,
    _client: Seat<ClientAddress>,
}

impl Door {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            node: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            clients: Seats::new(limits.connections_per_address),
            limits: limits.clone(),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
            refused: AtomicU64::new(0),
            logged: Mutex::default(),
        }
    }

    /// A place for a connection from there; fails with what to tell the client.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Place, String> {
        let Some(client) = self.clients.try_take(self.limits.clients.of_connection(address)) else {
            metrics().refusals.with_labels(["connections_per_address"]).inc();
            let limit = self.limits.connections_per_address;
            return Err(format!("Too many connections: at most {limit} of one address at once."));
        };
        match self.node.clone().try_acquire_owned() {
            Ok(node) => Ok(Place { _node: node, _client: client }),
            Err(_) => {
                metrics().refusals.with_labels(["connections"]).inc();
                Err(format!("Too many connections: at most {} at once.", self.limits.connections))
            }
        }
    }

    /// Sends a client away.
    pub(super) fn refuse(&self, mut stream: TcpStream, peer: SocketAddr, reason: String) {
        self.log(peer, &reason);
        let Ok(permit) = self.farewells.clone().try_acquire_owned() else { return };
        let failure = Failure::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", reason);
        let answer = failure.with_header(header::RETRY_AFTER, "1").to_bytes();
        tokio::spawn(async move {
            let _permit = permit;
            let farewell = async {
                stream.write_all(&answer).await?;
                stream.shutdown().await?;
                // Closing with a request unread would have the client's system throw the answer away.
                let mut request = [0; 1024];
                while stream.read(&mut request).await? > 0 {}
                Ok::<_, std::io::Error>(())
            };
            let _ = tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await;
        });
    }

    /// Once in a while: whoever floods the node with connections must not flood the log as well.
    fn log(&self, peer: SocketAddr, reason: &str) {
        let refused = self.refused.fetch_add(1, Relaxed) + 1;
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            *logged = Some(Instant::now());
            tracing::warn!(reason, %peer, refused_so_far = refused, "a connection was refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(connections: usize, connections_per_address: usize) -> Door {
        Door::new(&Limits { connections, connections_per_address, ..Limits::default() })
    }

    #[test]
    fn the_node_has_a_limit() {
        let door = door(2, 9);
        let local = IpAddr::from([127, 0, 0, 1]);
        let places = [door.admit(local).unwrap(), door.admit(local).unwrap()];
        let reason = door.admit(local).err().unwrap();
        assert_eq!(reason, "Too many connections: at most 2 at once.");
        drop(places);
        assert!(door.admit(local).is_ok());
    }

    #[test]
    fn each_address_has_a_limit() {
        let door = door(99, 1);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let place = door.admit(address("192.0.2.1")).unwrap();
        let _network = door.admit(address("2001:db8::1")).unwrap();
        for (from, admitted) in [
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::2", false),
            ("2001:db8:0:1::1", true),
        ] {
            assert_eq!(door.admit(address(from)).is_ok(), admitted, "{from}");
        }
        drop(place);
        assert!(door.admit(address("192.0.2.1")).is_ok());
    }
}
