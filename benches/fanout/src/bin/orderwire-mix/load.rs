//! The load: all connections, on one thread.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs},
    time::{Duration, Instant},
};

use fastrand::Rng;
use mio::{Events, Interest, Poll, Token};
use orderwire_fanout::Result;

use crate::{
    connection::{Answer, Connection},
    tally::Tally,
    workload::{Request, Workload},
};

/// Time-out of the last responses.
const PATIENCE: Duration = Duration::from_secs(10);

/// Delay before a failed connection is opened again.
const PAUSE: Duration = Duration::from_millis(100);

/// Seed of the requests, so that each run sends the same ones.
const SEED: u64 = 7;

/// The clients, each with a connection.
pub struct Load<'a> {
    workload: &'a mut Workload,
    poll: Poll,
    every: Option<Duration>,
    clients: Vec<Client>,
    random: Rng,
}

struct Client {
    to: SocketAddr,
    path: String,
    head: String,
    /// `None` after a failure, until the next request.
    connection: Option<Connection>,
    /// When its next request is due.
    due: Instant,
    /// When its last response was complete.
    free: Instant,
    asked: Option<Asked>,
}

#[derive(Clone, Copy)]
struct Asked {
    operation: usize,
    since: Instant,
}

impl<'a> Load<'a> {
    /// Connects all clients, in turn to each of the URLs. Each sends a request at an interval, or as soon as it has its
    /// response.
    pub fn connect(urls: &[String], workload: &'a mut Workload, count: usize, every: Option<Duration>) -> Result<Self> {
        let now = Instant::now();
        let client = |(index, url): (usize, &String)| {
            let address = url.strip_prefix("http://").ok_or("the URL must begin with http://")?;
            let (host, path) = address.split_once('/').unwrap_or((address, ""));
            Ok(Client {
                to: host.to_socket_addrs()?.next().ok_or("no address")?,
                path: format!("/{path}"),
                head: workload.head(index, host),
                connection: None,
                due: now,
                free: now,
                asked: None,
            })
        };
        let clients = urls.iter().cycle().take(count).enumerate().map(client).collect::<Result<_>>()?;
        let mut load = Self { workload, poll: Poll::new()?, every, clients, random: Rng::with_seed(SEED) };
        for index in 0..count {
            let to = load.clients[index].to;
            load.open(index).map_err(|error| format!("cannot connect to {to}: {error}"))?;
        }
        Ok(load)
    }

    /// Sends requests for this long and waits for the last responses.
    pub fn run(&mut self, time: Duration) -> Result<Tally> {
        let start = Instant::now();
        let end = start + time;
        let mut tally = Tally::new(start, self.workload.operations.len());
        let mut events = Events::with_capacity(1024);
        for client in &mut self.clients {
            // Spread over the interval.
            client.due = start + self.every.map_or(Duration::ZERO, |every| every.mul_f64(self.random.f64()));
            client.free = start;
        }
        loop {
            let now = Instant::now();
            if now < end {
                self.ask(now, &mut tally);
            }
            let waiting = self.clients.iter().any(|client| client.asked.is_some());
            if now >= end && !waiting {
                return Ok(tally);
            }
            if now >= end + PATIENCE {
                self.give_up(&mut tally);
                return Ok(tally);
            }
            let due = self.clients.iter().filter(|client| client.asked.is_none()).map(|client| client.due);
            let wake = if now < end { due.fold(end, Instant::min) } else { end + PATIENCE };
            self.turn(&mut events, wake.saturating_duration_since(now), &mut tally)?;
        }
    }

    /// Sends the requests that are due.
    fn ask(&mut self, now: Instant, tally: &mut Tally) {
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            if client.asked.is_some() || client.due > now {
                continue;
            }
            // A request that waited for the response before it is measured from its due time. The delay of this
            // program's timer is not the server's.
            let since = if client.due < client.free { client.due } else { Instant::now() };
            let Request { operation, bytes } = self.workload.request(&client.path, &client.head, &mut self.random);
            client.asked = Some(Asked { operation, since });
            let opened = if client.connection.is_some() { Ok(()) } else { self.open(index) };
            let connection = self.clients[index].connection.as_mut();
            let sent = opened.and_then(|()| connection.map_or(Ok(()), |connection| connection.send(&bytes)));
            if let Err(error) = sent {
                self.fail(index, &error, tally);
            }
        }
    }

    /// Waits for the next readiness events and handles them.
    fn turn(&mut self, events: &mut Events, at_most: Duration, tally: &mut Tally) -> Result<()> {
        match self.poll.poll(events, Some(at_most)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &*events {
            let Token(index) = event.token();
            let Some(connection) = &mut self.clients[index].connection else { continue };
            let flushed = if event.is_writable() { connection.flush() } else { Ok(()) };
            match flushed.and_then(|()| connection.receive()) {
                Ok(Some(answer)) => self.answered(index, &answer, tally),
                Ok(None) => {}
                Err(error) => self.fail(index, &error, tally),
            }
        }
        Ok(())
    }

    fn answered(&mut self, index: usize, answer: &Answer, tally: &mut Tally) {
        let now = Instant::now();
        let client = &mut self.clients[index];
        let Some(asked) = client.asked.take() else { return };
        client.due = self.every.map_or(now, |every| client.due + every);
        client.free = now;
        if answer.closes {
            client.connection = None;
        }
        let operation = &self.workload.operations[asked.operation];
        if operation.is_answered_by(answer.status, &answer.body) {
            tally.answered(asked.operation, now - asked.since, answer.body.len(), now);
        } else {
            let complain =
                || format!("{}: {} {:.300}", operation.name, answer.status, String::from_utf8_lossy(&answer.body));
            tally.failed(answer.status, complain, now);
        }
    }

    /// Handles the loss of a connection and of the request on it.
    fn fail(&mut self, index: usize, error: &io::Error, tally: &mut Tally) {
        let now = Instant::now();
        let client = &mut self.clients[index];
        client.connection = None;
        if client.asked.take().is_some() {
            client.due = now + PAUSE;
            client.free = now;
            tally.failed(0, || error.to_string(), now);
        }
    }

    fn give_up(&mut self, tally: &mut Tally) {
        for client in &mut self.clients {
            if let Some(asked) = client.asked.take() {
                let name = &self.workload.operations[asked.operation].name;
                tally.failed(0, || format!("{name}: no response"), Instant::now());
            }
        }
    }

    fn open(&mut self, index: usize) -> io::Result<()> {
        let mut connection = Connection::open(self.clients[index].to)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut connection.stream, Token(index), interest)?;
        self.clients[index].connection = Some(connection);
        Ok(())
    }
}
