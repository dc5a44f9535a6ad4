//! TLS with the certificate authorities of Mozilla.

use std::sync::{Arc, LazyLock};

use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The configuration of all connections to other servers.
pub(super) fn config() -> Arc<ClientConfig> {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    });
    CONFIG.clone()
}
