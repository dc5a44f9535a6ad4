//! Connects to an address of a target that was checked.

use std::net::SocketAddr;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{SendError, Target, body::Body, tls};

/// Addresses of one name that are tried.
const TRIED: usize = 4;

/// An open connection to an address that was checked.
pub(super) struct Open {
    pub(super) requests: SendRequest<Body>,
    /// Moves the bytes; the connection is closed when this is dropped.
    _task: JoinSet<()>,
}

/// Connects to the first of these addresses of the target that answers. The name is not resolved again.
pub(super) async fn connect(target: &Target, addresses: Vec<SocketAddr>) -> Result<Open, SendError> {
    let mut failure = SendError::NotResolved;
    for address in addresses.into_iter().take(TRIED) {
        match TcpStream::connect(address).await {
            Ok(stream) => return open(target, stream).await,
            Err(error) => failure = SendError::Connect(error),
        }
    }
    Err(failure)
}

async fn open(target: &Target, stream: TcpStream) -> Result<Open, SendError> {
    stream.set_nodelay(true).map_err(SendError::Connect)?;
    if !target.is_secure {
        return handshake(stream).await;
    }
    let name = ServerName::try_from(target.host.clone()).map_err(|_| SendError::NotResolved)?;
    let stream = TlsConnector::from(tls::config()).connect(name, stream).await.map_err(SendError::Tls)?;
    handshake(stream).await
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Open, SendError> {
    let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(SendError::Http)?;
    let mut task = JoinSet::new();
    task.spawn(async move {
        // The request on the connection fails with the same error.
        let _ = connection.await;
    });
    Ok(Open { requests, _task: task })
}
