//! Sends requests.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, Method, Request as HttpRequest, StatusCode, header::HOST};
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    AddressPolicy, SendError, Target,
    body::Body,
    connect::{self, Open},
    resolve::Resolver,
};

/// The most bytes that are read of an answer.
const ANSWER_BYTES: usize = 64 * 1024;
/// How long the rest of an answer may take after its status.
const REST_OF_ANSWER: Duration = Duration::from_secs(1);
/// How long a connection is used again after its address was checked.
const REUSED_FOR: Duration = Duration::from_secs(60);

/// A POST request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
}

/// Sends requests to addresses that are allowed.
#[derive(Debug, Clone)]
pub struct Client {
    policy: AddressPolicy,
    resolver: Resolver,
    timeout: Duration,
}

/// The connection to one target, which is used again. Empty at first.
#[derive(Default)]
pub struct Connection(Option<(Open, Instant)>);

impl Client {
    /// A client whose requests take up to `timeout`.
    pub fn new(policy: AddressPolicy, timeout: Duration) -> Self {
        Self { policy, resolver: Resolver::system(), timeout }
    }

    /// Fails unless the target has an address that may be connected to.
    pub async fn check(&self, target: &Target) -> Result<(), SendError> {
        let resolved = timeout(self.timeout, self.resolver.allowed(target, &self.policy)).await;
        resolved.map_err(|_| SendError::TimedOut(self.timeout))?.map(drop)
    }

    /// Sends a request, and reads its answer up to a limit.
    pub async fn post(
        &self,
        connection: &mut Connection,
        target: &Target,
        request: &Request,
    ) -> Result<Answer, SendError> {
        let deadline = Instant::now() + self.timeout;
        let answered = timeout_at(deadline, self.send(connection, target, request)).await;
        answered.map_err(|_| SendError::TimedOut(self.timeout))?
    }

    async fn send(&self, connection: &mut Connection, target: &Target, request: &Request) -> Result<Answer, SendError> {
        // Taken out, so that a connection with a request that was given up is closed.
        if let Some((mut open, since)) = connection.0.take().filter(|(_, since)| since.elapsed() < REUSED_FOR)
            && let Some(Ok(())) = open.requests.ready().now_or_never()
            // The server may have closed it at this moment. Receivers know repeated requests by their id.
            && let Ok((answer, is_read)) = exchange(&mut open, target, request).await
        {
            connection.0 = is_read.then_some((open, since));
            return Ok(answer);
        }
        let since = Instant::now();
        let addresses = self.resolver.allowed(target, &self.policy).await?;
        let mut open = connect::connect(target, addresses).await?;
        let (answer, is_read) = exchange(&mut open, target, request).await.map_err(SendError::Http)?;
        connection.0 = is_read.then_some((open, since));
        Ok(answer)
    }
}

/// Sends a request on an open connection. Returns whether the whole answer was read, so that the connection can be used again.
async fn exchange(open: &mut Open, target: &Target, request: &Request) -> Result<(Answer, bool), hyper::Error> {
    let mut message = HttpRequest::new(Body::from(request.body.clone()));
    *message.method_mut() = Method::POST;
    *message.uri_mut() = target.path.clone().into();
    *message.headers_mut() = request.headers.clone();
    message.headers_mut().insert(HOST, target.authority.clone());
    let response = open.requests.send_request(message).await?;
    let status = response.status();
    let is_read = timeout(REST_OF_ANSWER, read_away(response.into_body())).await.unwrap_or(false);
    Ok((Answer { status }, is_read))
}

/// Reads a body to its end; returns `false` if that is too far away.
async fn read_away(mut body: Incoming) -> bool {
    let mut left = ANSWER_BYTES;
    let mut frames = futures_util::stream::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx));
    while let Some(frame) = frames.next().await {
        let Ok(frame) = frame else { return false };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        net::{IpAddr, SocketAddr},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server at an address of this machine that answers each connection with 200, and how many it had.
    async fn server(address: &str, port: u16) -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        let (port, connections) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            }
        });
        (port, connections)
    }

    /// A name server that gives the next of these answers each time, and how often it was asked.
    fn rebinding(answers: &'static [&[&str]]) -> (Resolver, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let resolver = Resolver::new(move |_, port| {
            let answer = answers[counted.fetch_add(1, Ordering::SeqCst)];
            let at = |address: &&str| SocketAddr::new(address.parse::<IpAddr>().unwrap(), port);
            Box::pin(std::future::ready(io::Result::Ok(answer.iter().map(at).collect())))
        });
        (resolver, asked)
    }

    fn client(allowed: &str, resolver: Resolver) -> Client {
        let policy = AddressPolicy::new(vec![allowed.parse().unwrap()]);
        Client { resolver, ..Client::new(policy, Duration::from_secs(5)) }
    }

    fn request() -> Request {
        Request { headers: HeaderMap::new(), body: Bytes::from_static(b"{}") }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_after_it_was_checked_is_refused_at_the_connection() {
        let (port, connections) = server("127.0.0.1", 0).await;
        let target = Target::parse(&format!("http://rebound.example.com:{port}/")).unwrap();
        let inside: &'static [&[&str]] = &[
            &["93.184.215.14"],
            &["127.0.0.1"],
            &["169.254.169.254"],
            &["::ffff:127.0.0.1"],
            &["10.0.0.1", "::1"],
            &[],
        ];
        let (resolver, asked) = rebinding(inside);
        let client = client("198.51.100.0/24", resolver);
        client.check(&target).await.expect("the address is public when the webhook is made");
        for answer in &inside[1..] {
            let refused = client.post(&mut Connection::default(), &target, &request()).await.expect_err("refused");
            let expected = |error: &SendError| matches!(error, SendError::Forbidden | SendError::NotResolved);
            assert!(expected(&refused), "{answer:?}: {refused}");
        }
        assert_eq!((asked.load(Ordering::SeqCst), connections.load(Ordering::SeqCst)), (inside.len(), 0));
    }

    #[tokio::test]
    async fn the_connection_goes_to_the_address_that_was_checked() {
        let (port, allowed) = server("127.0.0.2", 0).await;
        let (_, inside) = server("127.0.0.1", port).await;
        let target = Target::parse(&format!("http://rebound.example.com:{port}/")).unwrap();
        // Of the addresses of one answer, those that may not be connected to are left out; the next answers are not asked for.
        let (resolver, asked) =
            rebinding(&[&["127.0.0.1", "127.0.0.2"], &["127.0.0.2", "127.0.0.1"], &["127.0.0.1"], &["127.0.0.1"]]);
        let client = client("127.0.0.2/32", resolver);
        for sent in 1..=2 {
            let answer = client.post(&mut Connection::default(), &target, &request()).await.unwrap();
            assert_eq!((answer.status, asked.load(Ordering::SeqCst)), (StatusCode::OK, sent));
        }
        assert!(client.post(&mut Connection::default(), &target, &request()).await.is_err());
        assert_eq!((allowed.load(Ordering::SeqCst), inside.load(Ordering::SeqCst)), (2, 0));
    }

    #[tokio::test]
    async fn names_and_numbers_of_this_machine_are_refused_in_every_spelling() {
        let client = Client::new(AddressPolicy::default(), Duration::from_secs(5));
        for host in
            ["localhost", "LOCALHOST", "localhost.", "127.1", "2130706433", "0x7f000001", "017700000001", "[::1]"]
        {
            let target = Target::parse(&format!("http://{host}:8080/")).unwrap();
            let error = client.check(&target).await.expect_err(host);
            assert!(matches!(error, SendError::Forbidden | SendError::NotResolved), "{host}: {error}");
            let request = Request { headers: HeaderMap::new(), body: Bytes::new() };
            assert!(client.post(&mut Connection::default(), &target, &request).await.is_err(), "{host}");
        }
    }
}
