//! Finds the addresses of a target and checks them.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use tokio::net::lookup_host;

use super::{AddressPolicy, SendError, Target};

type Lookup = dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// Finds the addresses of names.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Lookup>);

impl Resolver {
    /// The resolver of the operating system.
    pub(super) fn system() -> Self {
        let lookup = |host: String, port| async move { Ok(lookup_host((host.as_str(), port)).await?.collect()) };
        Self::new(move |host, port| Box::pin(lookup(host, port)))
    }

    /// A resolver that asks this function for the addresses of a name, with a port.
    pub(super) fn new(
        lookup: impl Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(lookup))
    }

    /// The addresses of a target that may be connected to.
    ///
    /// # Errors
    ///
    /// The name can't be resolved, or has no such address.
    pub(super) async fn allowed(&self, target: &Target, policy: &AddressPolicy) -> Result<Vec<SocketAddr>, SendError> {
        let mut found = match target.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, target.port)],
            Err(_) => (self.0)(target.host.clone(), target.port).await.map_err(|_| SendError::NotResolved)?,
        };
        if found.is_empty() {
            return Err(SendError::NotResolved);
        }
        found.retain(|address| policy.allows(address.ip()));
        if found.is_empty() { Err(SendError::Forbidden) } else { Ok(found) }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
