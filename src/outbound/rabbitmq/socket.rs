//! The socket of a connection to RabbitMQ, plain or with TLS.
//!
//! lapin runs on a runtime that connects. Here it gets one whose sockets are connected already, so that their TLS is the one of
//! all other connections, and so that a connection can be cut off if RabbitMQ does not answer.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    time::{Duration, Instant},
};

use async_rs::{
    Runtime, Tokio,
    traits::Reactor,
    util::{DummyIO, RuntimeParts},
};
use futures_util::{
    Stream,
    io::{AsyncRead as FuturesRead, AsyncWrite as FuturesWrite},
};
use lapin::uri::{AMQPScheme, AMQPUri};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::Sleep,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::super::tls;

/// The runtime of a connection.
pub(super) type SocketRuntime = Runtime<RuntimeParts<Tokio, Sockets>>;
/// What lapin reads from and writes to.
pub(super) type Socket = Compat<Pin<Box<dyn Bytes>>>;

/// A plain or secure stream of bytes.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// The runtime, within which this must be called.
pub(super) fn runtime() -> SocketRuntime {
    let tokio = Tokio::current();
    Runtime::new(RuntimeParts::new(tokio.clone(), Sockets(tokio)))
}

/// Cuts the connection off when it is dropped.
pub(super) struct CutOff(socket2::Socket);

impl Drop for CutOff {
    fn drop(&mut self) {
        // It fails if the connection has ended already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Connects to the server of the URL.
pub(super) async fn connect(uri: &AMQPUri) -> io::Result<(Socket, CutOff)> {
    let host = uri.authority.host.as_str();
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), uri.authority.port)).await?;
    stream.set_nodelay(true)?;
    let cut_off = CutOff(SockRef::from(&stream).try_clone()?);
    let bytes: Pin<Box<dyn Bytes>> = match uri.scheme {
        AMQPScheme::AMQP => Box::pin(stream),
        AMQPScheme::AMQPS => {
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            Box::pin(TlsConnector::from(tls::config()).connect(name, stream).await?)
        }
    };
    Ok((bytes.compat(), cut_off))
}

/// Timers of Tokio, and [`Socket`]s, which are connected elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Sockets(Tokio);

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "sockets are connected before")
}

impl Reactor for Sockets {
    type TcpStream = Socket;
    type Sleep = Sleep;

    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl FuturesRead + FuturesWrite + Send + Unpin + 'static> {
        Err::<DummyIO, _>(unsupported())
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(&self, _: SocketAddr) -> impl Future<Output = io::Result<Socket>> + Send + 'static {
        std::future::ready(Err(unsupported()))
    }
}
