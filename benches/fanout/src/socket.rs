//! One WebSocket, driven by its readiness.

use std::{
    io::{self, ErrorKind, Read},
    net::{Ipv4Addr, SocketAddr},
};

use mio::net::TcpStream;
use orderwire_fanout::unsent::Unsent;
use socket2::{Domain, Socket as RawSocket, Type};

use crate::Result;

/// So many sockets leave from one loopback address: fewer than it has ephemeral ports.
const PER_ADDRESS: usize = 20_000;

/// Linux's number for "the connection is being made".
const EINPROGRESS: i32 = 115;

/// How far a socket has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The TCP connection is being made.
    Connecting,
    /// The HTTP request to become a WebSocket is sent.
    Upgrading,
    /// `connection_init` is sent.
    Initialising,
    /// The subscriptions are sent, and a ping that is answered after them.
    Subscribing,
    /// The server has read the subscriptions.
    Ready,
    /// It is over.
    Closed,
}

/// What reading came to.
pub enum Received {
    /// So many bytes of the buffer hold something.
    Bytes(usize),
    /// There is nothing more for now.
    Nothing,
    /// The other side is gone.
    End,
}

/// A socket and what of it is incomplete.
pub struct Socket {
    /// The connection.
    pub stream: TcpStream,
    /// How far it has come.
    pub phase: Phase,
    /// The beginning of a message whose rest has not come.
    rest: Vec<u8>,
    /// What could not be sent yet.
    unsent: Unsent,
}

impl Socket {
    /// Begins to connect the `index`-th socket.
    pub fn connect(to: SocketAddr, index: usize) -> Result<Self> {
        let socket = RawSocket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if to.is_ipv4() && to.ip().is_loopback() && index >= PER_ADDRESS {
            let address = Ipv4Addr::new(127, 0, 0, u8::try_from(1 + index / PER_ADDRESS)?);
            socket.bind(&SocketAddr::from((address, 0)).into())?;
        }
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(EINPROGRESS) => {
                Err(format!("cannot connect to {to}: {error}").into())
            }
            _ => Ok(Self {
                stream: TcpStream::from_std(socket.into()),
                phase: Phase::Connecting,
                rest: Vec::new(),
                unsent: Unsent::default(),
            }),
        }
    }

    /// Fills `buffer` with what was kept and what has come. What is not used of it goes to [`Self::keep`].
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let kept = self.rest.len();
        let free = buffer.get_mut(kept..).filter(|free| !free.is_empty());
        let free = free.ok_or_else(|| io::Error::other("a message longer than the buffer"))?;
        let received = loop {
            match self.stream.read(free) {
                Ok(0) => return Ok(Received::End),
                Ok(received) => break received,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::Nothing),
                Err(error) => return Err(error),
            }
        };
        buffer[..kept].copy_from_slice(&self.rest);
        self.rest.clear();
        Ok(Received::Bytes(kept + received))
    }

    /// Keeps the beginning of a message until its rest comes.
    pub fn keep(&mut self, rest: &[u8]) {
        self.rest.extend_from_slice(rest);
    }

    /// Sends at once what fits, and the rest when there is room.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.send(&mut self.stream, bytes)
    }

    /// Sends what waits.
    pub fn flush(&mut self) -> io::Result<()> {
        self.unsent.flush(&mut self.stream)
    }
}
