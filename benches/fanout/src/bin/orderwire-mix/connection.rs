//! One connection, driven by its readiness.

use std::{
    io::{self, ErrorKind, Read},
    net::{SocketAddr, TcpStream as BlockingStream},
    time::Duration,
};

use mio::net::TcpStream;
use orderwire_fanout::unsent::Unsent;

/// Time-out of connecting.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of one read.
const CHUNK: usize = 16 * 1024;

const MOST_HEADERS: usize = 64;

/// A connection with its incomplete request and response.
pub struct Connection {
    /// The connection.
    pub stream: TcpStream,
    unsent: Unsent,
    received: Vec<u8>,
}

/// A complete response.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether the server closes the connection after it.
    pub closes: bool,
}

impl Connection {
    /// Connects and waits until the connection is open.
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = BlockingStream::connect_timeout(&to, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), unsent: Unsent::default(), received: Vec::new() })
    }

    /// Sends as much as the connection accepts, and keeps the rest.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.send(&mut self.stream, bytes)
    }

    /// Sends the bytes that are kept.
    pub fn flush(&mut self) -> io::Result<()> {
        self.unsent.flush(&mut self.stream)
    }

    /// Reads what has arrived. Returns the response once it is complete.
    pub fn receive(&mut self) -> io::Result<Option<Answer>> {
        loop {
            let kept = self.received.len();
            self.received.resize(kept + CHUNK, 0);
            let read = self.stream.read(&mut self.received[kept..]);
            self.received.truncate(kept + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(io::Error::other("the server closed the connection")),
                Ok(_) => {
                    if let Some(answer) = self.take_answer()? {
                        return Ok(Some(answer));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    fn take_answer(&mut self) -> io::Result<Option<Answer>> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(begin) = head.parse(&self.received).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let header = |name: &str| {
            let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(found.value).ok()
        };
        let length = header("content-length").and_then(|text| text.parse::<usize>().ok());
        let end = begin + length.ok_or_else(|| io::Error::other("an answer without its length"))?;
        let closes = header("connection").is_some_and(|text| text.eq_ignore_ascii_case("close"));
        let status = head.code.unwrap_or_default();
        let Some(body) = self.received.get(begin..end) else { return Ok(None) };
        let answer = Answer { status, body: body.to_vec(), closes };
        self.received.drain(..end);
        Ok(Some(answer))
    }
}
