//! All the WebSockets, on one thread and one buffer: a delivery costs one `read`, and its message is searched, not
//! parsed.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs},
    time::{Duration, Instant},
};

use memchr::memmem::Finder;
use mio::{Events, Interest, Poll, Token};

use crate::{
    Options, Result,
    frame::{self, Frame},
    script::Script,
    socket::{Phase, Received, Socket},
    tally::Tally,
};

/// Most sockets that connect at the same time.
const CONNECTING_AT_ONCE: usize = 64;

/// Longer than any message.
const BUFFER: usize = 64 * 1024;

/// Longest prefix of a message that holds its type and id.
const HEAD: usize = 96;

/// Longest wait for readiness before deadlines are checked.
const TURN: Duration = Duration::from_millis(50);

/// All sockets and their subscriptions.
pub struct Swarm {
    /// The deliveries.
    pub tally: Tally,
    /// Sockets that ended on the server's side.
    pub lost: usize,
    /// When each of them ended, relative to the start of the run, in that order.
    pub lost_at: Vec<Duration>,
    /// Subscriptions that the server ended.
    pub ended: usize,
    /// Why the first socket or subscription ended.
    pub first_loss: Option<String>,
    /// Messages to quiet subscriptions, which should get none.
    pub stray: usize,
    poll: Poll,
    happened: Events,
    buffer: Vec<u8>,
    epoch: Instant,
    to: SocketAddr,
    wanted: usize,
    sockets: Vec<Socket>,
    ready: usize,
    subscriptions: usize,
    script: Script,
    find: Find,
}

struct Find {
    kind: Finder<'static>,
    id: Finder<'static>,
    number: Finder<'static>,
}

impl Swarm {
    /// A swarm without connections.
    pub fn new(options: &Options, tokens: &[String]) -> Result<Self> {
        let script = Script::new(options, tokens)?;
        let to = script.host().to_socket_addrs()?.next().ok_or("no address")?;
        Ok(Self {
            tally: Tally::new(options.sockets * options.subscriptions),
            lost: 0,
            lost_at: Vec::new(),
            ended: 0,
            first_loss: None,
            stray: 0,
            poll: Poll::new()?,
            happened: Events::with_capacity(1024),
            buffer: vec![0; BUFFER],
            epoch: Instant::now(),
            to,
            wanted: options.sockets,
            sockets: Vec::with_capacity(options.sockets),
            ready: 0,
            subscriptions: options.subscriptions,
            script,
            find: Find {
                kind: Finder::new("\"type\":\""),
                id: Finder::new("\"id\":\""),
                number: Finder::new("\"number\":\""),
            },
        })
    }

    /// The start of the run, which times are relative to.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Opens all sockets and subscribes on each, a few at a time.
    pub fn connect(&mut self, patience: Duration) -> Result<()> {
        let give_up = Instant::now() + patience;
        while self.ready < self.wanted {
            while self.sockets.len() < self.wanted.min(self.ready + CONNECTING_AT_ONCE) {
                self.connect_next()?;
            }
            self.turn(TURN)?;
            if self.lost + self.ended > 0 {
                return Err(format!("not accepted: {}", self.first_loss.as_deref().unwrap_or_default()).into());
            }
            if Instant::now() > give_up {
                return Err(format!("only {} of {} sockets are ready", self.ready, self.wanted).into());
            }
        }
        Ok(())
    }

    /// Receives for this long.
    pub fn run_for(&mut self, time: Duration) -> Result<()> {
        self.run_until(Instant::now() + time, |_| false)
    }

    /// Receives until this time, or until `done`.
    pub fn run_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> Result<()> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || done(self) {
                return Ok(());
            }
            self.turn(left.min(TURN))?;
        }
    }

    fn connect_next(&mut self) -> Result<()> {
        let index = self.sockets.len();
        let mut socket = Socket::connect(self.to, index)?;
        self.poll.registry().register(&mut socket.stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        self.sockets.push(socket);
        Ok(())
    }

    /// Waits for the next readiness events and handles them.
    fn turn(&mut self, at_most: Duration) -> Result<()> {
        match self.poll.poll(&mut self.happened, Some(at_most)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let happened = std::mem::replace(&mut self.happened, Events::with_capacity(0));
        for event in &happened {
            let Token(index) = event.token();
            if event.is_writable() {
                let sent = self.writable(index);
                self.check(index, sent);
            }
            if event.is_readable() {
                self.readable(index)?;
            }
        }
        self.happened = happened;
        Ok(())
    }

    fn writable(&mut self, index: usize) -> io::Result<()> {
        let socket = &mut self.sockets[index];
        match socket.phase {
            Phase::Closed => Ok(()),
            Phase::Connecting => {
                if let Some(error) = socket.stream.take_error()? {
                    return Err(error);
                }
                socket.phase = Phase::Upgrading;
                socket.send(self.script.upgrade())
            }
            _ => socket.flush(),
        }
    }

    fn readable(&mut self, index: usize) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        while self.sockets[index].phase != Phase::Closed {
            match self.sockets[index].receive(&mut buffer) {
                Ok(Received::Bytes(length)) => {
                    let now = self.epoch.elapsed();
                    let used = self.bytes(index, &buffer[..length], now)?;
                    self.sockets[index].keep(&buffer[used..length]);
                    if length < buffer.len() {
                        break;
                    }
                }
                Ok(Received::Nothing) => break,
                Ok(Received::End) => self.lose(index, "the connection ended"),
                Err(error) => self.lose(index, &error.to_string()),
            }
        }
        self.buffer = buffer;
        Ok(())
    }

    /// Handles complete frames and returns their length in bytes.
    fn bytes(&mut self, index: usize, bytes: &[u8], now: Duration) -> Result<usize> {
        let mut used = 0;
        if self.sockets[index].phase == Phase::Upgrading {
            let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(0) };
            if !bytes.starts_with(b"HTTP/1.1 101 ") {
                return Err(format!("no WebSocket: {:.300}", String::from_utf8_lossy(bytes)).into());
            }
            used = end + 4;
            self.sockets[index].phase = Phase::Initialising;
            let sent = self.sockets[index].send(self.script.init(index));
            self.check(index, sent);
        }
        while let Some(frame) = frame::parse(&bytes[used..])? {
            used += frame.size;
            self.frame(index, &frame, now)?;
        }
        Ok(used)
    }

    fn frame(&mut self, index: usize, frame: &Frame, now: Duration) -> Result<()> {
        match frame.opcode {
            frame::TEXT => self.message(index, frame.payload, now)?,
            frame::PING => {
                let mut pong = Vec::new();
                frame::write(&mut pong, frame::PONG, frame.payload);
                let sent = self.sockets[index].send(&pong);
                self.check(index, sent);
            }
            frame::PONG => {}
            frame::CLOSE => {
                let (code, reason) = frame.payload.split_at(frame.payload.len().min(2));
                let code = code.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
                self.lose(index, &format!("closed with {code} {}", String::from_utf8_lossy(reason)));
            }
            other => return Err(format!("a frame of type {other}").into()),
        }
        Ok(())
    }

    fn message(&mut self, index: usize, message: &[u8], now: Duration) -> Result<()> {
        let head = &message[..message.len().min(HEAD)];
        match text_after(head, &self.find.kind) {
            Some(b"next") => self.update(index, message, now)?,
            Some(b"connection_ack") => {
                self.sockets[index].phase = Phase::Subscribing;
                let sent = self.sockets[index].send(self.script.subscribe());
                self.check(index, sent);
            }
            Some(b"pong") => {
                self.sockets[index].phase = Phase::Ready;
                self.ready += 1;
            }
            Some(b"ping") => {
                let sent = self.sockets[index].send(self.script.pong());
                self.check(index, sent);
            }
            Some(b"error" | b"complete") => {
                self.ended += 1;
                self.first_loss.get_or_insert_with(|| String::from_utf8_lossy(message).into_owned());
            }
            _ => return Err(format!("an unknown message: {:.300}", String::from_utf8_lossy(message)).into()),
        }
        Ok(())
    }

    fn update(&mut self, index: usize, message: &[u8], now: Duration) -> Result<()> {
        let head = &message[..message.len().min(HEAD)];
        let subscription = text_after(head, &self.find.id).and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
        let Some(subscription) = subscription.filter(|id| (1..=self.subscriptions).contains(id)) else {
            self.stray += 1;
            return Ok(());
        };
        let Some(number) = text_after(message, &self.find.number) else {
            return Err(format!("not an update: {:.300}", String::from_utf8_lossy(message)).into());
        };
        self.tally.record(index * self.subscriptions + subscription - 1, number, message, now)
    }

    fn check(&mut self, index: usize, sent: io::Result<()>) {
        if let Err(error) = sent {
            self.lose(index, &error.to_string());
        }
    }

    fn lose(&mut self, index: usize, why: &str) {
        let socket = &mut self.sockets[index];
        if socket.phase != Phase::Closed {
            socket.phase = Phase::Closed;
            self.lost += 1;
            self.lost_at.push(self.epoch.elapsed());
            self.first_loss.get_or_insert_with(|| why.to_owned());
        }
    }
}

/// The text of a field, whose name and opening quote `find` looks for.
fn text_after<'a>(message: &'a [u8], find: &Finder) -> Option<&'a [u8]> {
    let text = message.get(find.find(message)? + find.needle().len()..)?;
    text.get(..memchr::memchr(b'"', text)?)
}
