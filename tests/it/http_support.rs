//! A real server on a free port that serves a small GraphQL API made for transport tests.

mod schema;

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering::SeqCst},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_graphql::{ErrorExtensionValues, Response, Schema, SchemaBuilder, ServerError};
use async_trait::async_trait;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use orderwire::{
    app,
    config::Config,
    domain::{ClientAddress, Clock, EventCursor, SessionId, SystemClock, Timestamp, UserId, UserRole, Viewer},
    graphql::{
        BoxResultStream, ClientLimits, Documents, Endpoint, ExecutionResult, OperationRequest, PreparedOperation,
        Readiness, ResultStream, ViewerSession, results,
    },
    http::{self, AllowedOrigins, HttpOptions, WebSocketOptions},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::support::{wait_until, ws::TIMEOUT};
pub use schema::Probe;
use schema::{Mutation, Query, Subscriptions, held};

struct TestEndpoint {
    documents: Documents,
    schema: Schema<Query, Mutation, Subscriptions>,
    probe: Arc<Probe>,
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscriptions> {
    Schema::build(Query, Mutation, Subscriptions)
}

fn coded(message: &str, code: &str) -> ServerError {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    let mut error = ServerError::new(message, None);
    error.extensions = Some(extensions);
    error
}

/// Parses `Bearer user NAME ROLE MILLISECONDS` into a new session whose token expires after that time.
fn user_of(authorization: &str) -> ViewerSession {
    let mut words = authorization.split(' ').skip(2);
    let (name, role, lifetime) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let now = SystemClock.now();
    let viewer = Viewer::User {
        id: UserId::derived(Timestamp::from_unix_millis(0), "test", name),
        role: if role == "staff" { UserRole::Staff } else { UserRole::Customer },
        session: SessionId::generate(now),
    };
    ViewerSession { viewer, expires_at: Some(now.plus(Duration::from_millis(lifetime.parse().unwrap()))) }
}

#[async_trait]
impl Endpoint for TestEndpoint {
    async fn viewer(&self, authorization: Option<&str>) -> Result<ViewerSession, ServerError> {
        let session = |viewer, expires_at| Ok(ViewerSession { viewer, expires_at });
        match authorization {
            None => session(Viewer::Anonymous, None),
            Some("Bearer good") => session(Viewer::System, None),
            Some("Bearer short") => session(Viewer::System, Some(SystemClock.now().plus(Duration::from_secs(2)))),
            Some("Bearer down") => Err(coded("sessions cannot be read", "UNAVAILABLE")),
            Some("Bearer panic") => panic!("out of cheese"),
            Some(text) if text.starts_with("Bearer user ") => Ok(user_of(text)),
            Some(_) => Err(coded("the token does not hold", "UNAUTHENTICATED")),
        }
    }

    /// `good` is a valid ticket for `subscription { viewer }`; `late` is one that can only resume.
    async fn authenticate_ticket(
        &self,
        ticket: &str,
        operation: [u8; 32],
        resumes: bool,
    ) -> Result<ViewerSession, ServerError> {
        let own = self.documents.prepare(OperationRequest::new("subscription { viewer }")).await.unwrap();
        let fits = operation == own.hash();
        match ticket {
            "good" if fits => Ok(user_of("Bearer user anna customer 60000")),
            "late" if fits && resumes => Ok(user_of("Bearer user anna customer 60000")),
            _ => Err(coded("the ticket does not hold", "UNAUTHENTICATED")),
        }
    }

    async fn rights_ended(&self, viewer: Viewer) {
        match viewer {
            Viewer::User { .. } => self.probe.sessions_end.cancelled().await,
            _ => std::future::pending().await,
        }
    }

    async fn prepare(
        &self,
        request: OperationRequest,
        _: Option<ClientAddress>,
    ) -> Result<PreparedOperation, Response> {
        self.documents.prepare(request).await
    }

    async fn execute(&self, viewer: Viewer, operation: PreparedOperation) -> Response {
        match operation.text() {
            "{limited}" => Response::from_errors(vec![coded("slow down", "RATE_LIMITED")]),
            _ => self.schema.execute(operation.request().data(viewer)).await,
        }
    }

    async fn stream(&self, viewer: Viewer, operation: PreparedOperation) -> BoxResultStream {
        if !operation.subscribes() {
            return results(stream::iter([self.execute(viewer, operation).await.into()]));
        }
        if operation.text() == "subscription{held}" {
            held(&self.probe).await;
        }
        let answers = self.schema.execute_stream(operation.request().data(viewer));
        Box::new(Numbered { answers, last: 0, passed: self.probe.clone() })
    }

    fn client_limits(&self) -> &Arc<ClientLimits> {
        self.documents.client_limits()
    }

    fn sdl(&self) -> String {
        self.schema.sdl()
    }

    async fn readiness(&self) -> Readiness {
        let failing = self.probe.unready.load(SeqCst).then(|| "storage does not answer".to_owned());
        Readiness { failing: failing.into_iter().collect(), impaired: Vec::new() }
    }
}

/// The cursor with this number, as clients see it.
fn cursor(number: i64) -> EventCursor {
    format!("e00000007{number:016x}").parse().unwrap()
}

/// The answers of a subscription, with cursors from 1. Its position moves with [`Probe::passed`].
struct Numbered {
    answers: BoxStream<'static, Response>,
    last: i64,
    passed: Arc<Probe>,
}

impl Stream for Numbered {
    type Item = ExecutionResult;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ExecutionResult>> {
        let Some(response) = ready!(self.answers.poll_next_unpin(cx)) else { return Poll::Ready(None) };
        // One that can't be opened has no event.
        let cursor = (response.data != async_graphql::Value::Null).then(|| {
            self.last += 1;
            cursor(self.last)
        });
        Poll::Ready(Some(ExecutionResult { cursor, ..ExecutionResult::from(response) }))
    }
}

impl ResultStream for Numbered {
    fn position(&mut self) -> Option<EventCursor> {
        Some(cursor(self.last + self.passed.passed.load(SeqCst)))
    }
}

/// A running server; dropping it stops it.
pub struct Server {
    pub address: SocketAddr,
    pub probe: Arc<Probe>,
    pub shutdown: CancellationToken,
    pub serving: JoinHandle<()>,
}

impl Server {
    /// Waits until back-pressure stops the `flood` subscription, and returns how many items it has produced.
    pub async fn held_up(&self) -> usize {
        let produced = || self.probe.produced.load(SeqCst);
        eventually("it starts", || produced() > 0).await;
        let (mut before, mut unchanged) = (0, 0);
        let deadline = Instant::now() + TIMEOUT;
        // That nothing more is produced shows only over time, and one reading may fall into a pause of a busy machine.
        while unchanged < 4 {
            assert!(Instant::now() < deadline, "still producing: {}", produced());
            unchanged = if before == produced() { unchanged + 1 } else { 0 };
            before = produced();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(before < 5_000, "{before}");
        before
    }

    pub async fn start(options: HttpOptions) -> Self {
        Self::start_with_grace(options, TIMEOUT).await
    }

    pub async fn start_with_grace(options: HttpOptions, grace: Duration) -> Self {
        Self::start_with_handover(options, grace, Duration::ZERO).await
    }

    pub async fn start_with_handover(options: HttpOptions, grace: Duration, handover: Duration) -> Self {
        let probe = Arc::new(Probe::default());
        let documents =
            Documents::new(&builder().finish().sdl(), &[], true, crate::support::options::document_options()).unwrap();
        let endpoint = TestEndpoint { documents, schema: builder().data(probe.clone()).finish(), probe: probe.clone() };
        let limits = options.limits.clone();
        let router = http::router(Arc::new(endpoint), options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(http::serve(listener, router, shutdown.clone(), grace, handover, limits));
        Self { address, probe, shutdown, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// The options that the default configuration gives, without other origins.
pub fn http_options() -> HttpOptions {
    HttpOptions { origins: AllowedOrigins::default(), ..app::http_options(&Config::default()) }
}

/// Starts a server with default options.
pub async fn start() -> Server {
    Server::start(http_options()).await
}

/// Starts a server with these WebSocket limits and timeouts.
pub async fn start_with(websocket: WebSocketOptions) -> Server {
    Server::start(HttpOptions { websocket, ..http_options() }).await
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub const JSON: &str = "application/json";
pub const GRAPHQL: &str = "application/graphql-response+json";

/// A JSON response.
pub struct Reply {
    pub status: u16,
    headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    pub async fn send(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: not JSON: {text}"));
        Self { status, headers, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or("")
    }

    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or("")
    }
}

/// Sends a GraphQL operation by POST.
pub async fn post(server: &Server, client: &reqwest::Client, accept: &str, body: impl Into<reqwest::Body>) -> Reply {
    let request = client.post(server.url("/graphql")).header("content-type", JSON).header("accept", accept);
    Reply::send(request.body(body)).await
}

/// Waits until a condition holds; panics with `what` after [`TIMEOUT`].
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    wait_until(what, TIMEOUT, async || condition()).await;
}
