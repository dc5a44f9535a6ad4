//! The state that the handlers share.

use std::sync::Arc;

use super::{
    options::HttpOptions,
    server::{KeyedLimiter, Permit},
};
use crate::{
    domain::{ClientAddress, Viewer},
    graphql::Endpoint,
};

/// The state that the handlers share.
pub(in crate::http) struct HttpState {
    pub(in crate::http) endpoint: Arc<dyn Endpoint>,
    pub(in crate::http) options: HttpOptions,
    pub(in crate::http) user_connections: Arc<KeyedLimiter>,
    /// Sockets and streams by the address of the client, which a proxy says; the connections themselves are the proxy's.
    pub(in crate::http) address_streams: Arc<KeyedLimiter<ClientAddress>>,
}

/// The right to keep a stream open; released on drop.
pub(in crate::http) struct StreamPermit {
    _user: Permit,
    _address: Permit<ClientAddress>,
}

impl HttpState {
    /// A permit for one more stream of this viewer from this address. The error is the message for the client.
    pub(in crate::http) fn acquire_stream(
        &self,
        viewer: Viewer,
        client: Option<ClientAddress>,
    ) -> Result<StreamPermit, String> {
        let address = self.address_streams.acquire_for_client(client)?;
        Ok(StreamPermit { _user: self.user_connections.acquire_for_viewer(viewer)?, _address: address })
    }
}
