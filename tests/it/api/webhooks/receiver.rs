//! Receivers of webhooks: HTTP servers that record what they take, and misbehave in every way.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use orderwire::domain::EventId;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How a receiver behaves at a request: the number of the request says which fault, if any.
pub(super) type Fault = fn(usize) -> Reply;

#[derive(Clone, Copy)]
pub(super) enum Reply {
    Take,
    Status(u16),
    Redirect,
    Hang,
    Close,
    StreamForever,
    TakeAndStreamForever,
}

/// A request as a receiver got it.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn id(&self) -> EventId {
        self.header("webhook-id").unwrap().parse().unwrap()
    }
}

/// A server that records what it takes.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    pub(super) taken: Arc<Mutex<Vec<Received>>>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub(super) async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::<Mutex<Vec<Received>>>::default();
        let (record, count) = (taken.clone(), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, fault, record.clone(), count.clone()));
            }
        });
        Self { address, taken, _tasks: tasks }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks?of=orderwire", self.address)
    }

    /// The ids of what it took, each where it was taken first.
    pub(super) fn ids(&self) -> Vec<EventId> {
        let mut seen = HashSet::new();
        self.taken.lock().iter().map(Received::id).filter(|id| seen.insert(*id)).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.taken.lock().len()
    }
}

/// Answers the requests on a connection until a fault closes it.
async fn serve(mut stream: TcpStream, fault: Fault, taken: Arc<Mutex<Vec<Received>>>, count: Arc<AtomicUsize>) {
    let mut buffer = Vec::new();
    while let Some(received) = read_request(&mut stream, &mut buffer).await {
        let reply = fault(count.fetch_add(1, Ordering::Relaxed));
        if matches!(reply, Reply::Take | Reply::TakeAndStreamForever) {
            taken.lock().push(received);
        }
        let head = |status: u16, more: &str| format!("HTTP/1.1 {status} Status\r\n{more}\r\n");
        let answer = match reply {
            Reply::Take => head(200, "content-length: 2\r\n") + "ok",
            Reply::Status(status) => head(status, "content-length: 0\r\n"),
            Reply::Redirect => head(302, "location: http://127.0.0.1:9/\r\ncontent-length: 0\r\n"),
            Reply::Hang => return std::future::pending().await,
            Reply::Close => return,
            Reply::StreamForever => head(500, "transfer-encoding: chunked\r\n"),
            Reply::TakeAndStreamForever => head(200, "transfer-encoding: chunked\r\n"),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if matches!(reply, Reply::StreamForever | Reply::TakeAndStreamForever) {
            let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffer.drain(..end + 4).collect()).unwrap();
            break head;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /hooks?of=orderwire HTTP/1.1"));
    let mut headers = http::HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(buffer.drain(..length).collect()).unwrap();
    Some(Received { headers, body })
}
