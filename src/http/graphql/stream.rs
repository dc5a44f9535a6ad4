//! Runs operations as streams over HTTP: each result is a chunk of the response body.
//!
//! The next result is requested when the connection can take more, so a slow reader delays nobody else and nothing
//! queues up. A subscription ends when the viewer's rights end and when the server stops. A query or mutation always
//! runs to its end.

use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Response as GraphqlResponse, ServerError};
use axum::{
    Extension,
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tracing::{Instrument, Span};

use super::{
    answers::Answers,
    held_body::{UNCOUNTED, held_chunk},
    multipart, sse,
    stream_part::StreamPart,
    wire,
};
use crate::{
    domain::{ClientAddress, EventCursor, Viewer},
    fairness::Caller,
    graphql::{self, AnswerBudget, AnswerRefusal, Authenticated, ExecutionResult, PreparedOperation},
    http::{
        deadline::to_instant,
        graphql_error::{coded, tag_internal_errors},
        middleware::{compression::Uncompressed, panics, request_id::RequestId},
        server::Shutdown,
        state::{HttpState, StreamPermit},
    },
    telemetry::metrics::{GaugeGuard, Transport, metrics},
};

/// Maximum time until the first keep-alive message. By then the subscription is open and its position known.
const FIRST_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How results are framed in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Framing {
    /// Server-sent events.
    Sse {
        /// Whether the client may be an `EventSource`, which reconnects automatically.
        reconnects: bool,
    },
    /// Parts of a multipart body.
    Multipart {
        /// Whether heartbeats may have cursors.
        cursors: bool,
    },
}

impl Framing {
    const fn transport(self) -> Transport {
        match self {
            Self::Sse { .. } => Transport::Events,
            Self::Multipart { .. } => Transport::Multipart,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Sse { .. } => sse::CONTENT_TYPE,
            Self::Multipart { .. } => multipart::CONTENT_TYPE,
        }
    }

    /// Appends a part. Fails when a result has more than `limit` bytes.
    fn write(self, body: &mut Vec<u8>, part: &StreamPart<'_>, limit: usize) -> serde_json::Result<()> {
        match self {
            Self::Sse { reconnects } => sse::write(body, part, reconnects, limit),
            Self::Multipart { cursors } => multipart::write(body, part, cursors, limit),
        }
    }
}

/// An operation to run as a stream, and the viewer it runs for.
pub(in crate::http) struct StreamRequest {
    /// The operation, or the response that refuses it.
    pub(in crate::http) operation: Result<PreparedOperation, GraphqlResponse>,
    pub(in crate::http) viewer: Authenticated,
    /// The client's address; `None` if addresses are not limited.
    pub(in crate::http) client: Option<ClientAddress>,
    /// The cursor after which a subscription resumes. Takes precedence over its arguments.
    pub(in crate::http) resume: Option<EventCursor>,
    pub(in crate::http) id: RequestId,
    pub(in crate::http) shutdown: Shutdown,
    /// Counts the stream as one of the user's and the address's.
    pub(in crate::http) permit: StreamPermit,
}

/// Runs an operation and responds with the stream of its results.
pub(in crate::http) fn respond(http: &Arc<HttpState>, framing: Framing, call: StreamRequest) -> Response {
    let source = Box::new(ResponseStream::new(http, framing, call));
    let chunks = stream::unfold(source, |mut source| async {
        let span = source.span.clone();
        let chunk = source.next().instrument(span).await?;
        Some((Ok::<_, Infallible>(chunk), source))
    });
    with_headers(framing, Body::from_stream(chunks))
}

/// The response to HEAD: the headers of a stream that is not opened.
pub(in crate::http) fn head(framing: Framing) -> Response {
    with_headers(framing, Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()))
}

fn with_headers(framing: Framing, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(framing.content_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("accept")),
        // Tells proxies to forward each chunk at once.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (Extension(Uncompressed), headers, body).into_response()
}

/// Produces the chunks of one response.
struct ResponseStream {
    framing: Framing,
    /// The results; `None` after the last chunk.
    answers: Option<Answers>,
    opened: bool,
    started: bool,
    /// The cursor that was sent last.
    told: Option<EventCursor>,
    /// True for queries and mutations, which end soon; false for subscriptions.
    finite: bool,
    /// The budget of the bytes that the connection has not taken yet, and whose they are.
    in_flight: (Arc<AnswerBudget>, Caller),
    id: RequestId,
    span: Span,
    /// Whether an API key has opened it.
    is_of_key: bool,
    keep_alive: Interval,
    /// Completes when the viewer's rights end.
    ended: BoxFuture<'static, ()>,
    expires_at: Option<Instant>,
    /// Completes when the stream must close, because the server drains its connections.
    drained: BoxFuture<'static, ()>,
    _permit: StreamPermit,
    _open: GaugeGuard,
}

/// The next thing to handle.
enum StreamEvent {
    Answer(Box<ExecutionResult>),
    Complete,
    Panicked(Box<dyn Any + Send>),
    KeepAlive,
    Ended,
    Expired,
    Drained,
}

impl ResponseStream {
    fn new(http: &Arc<HttpState>, framing: Framing, call: StreamRequest) -> Self {
        let StreamRequest { operation, viewer, client, resume, id, shutdown, permit } = call;
        let Authenticated { viewer, expires_at } = viewer;
        let finite = !operation.as_ref().is_ok_and(PreparedOperation::subscribes);
        let operation = operation.map(|operation| match resume {
            Some(cursor) => operation.resume_after(cursor),
            None => operation,
        });
        let answers = Answers::open(http.endpoint.clone(), viewer, operation);
        let every = http.options.keep_alive;
        let mut keep_alive = interval_at(Instant::now() + every.min(FIRST_KEEP_ALIVE), every);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let endpoint = http.endpoint.clone();
        Self {
            framing,
            answers: Some(answers),
            opened: false,
            started: false,
            told: None,
            finite,
            in_flight: (http.endpoint.client_limits().answers.clone(), Caller::new(&viewer, client)),
            span: tracing::info_span!("stream", request_id = %id),
            id,
            is_of_key: matches!(viewer, Viewer::Key { .. }),
            keep_alive,
            ended: Box::pin(async move { endpoint.rights_ended(viewer).await }),
            expires_at: expires_at.and_then(to_instant),
            drained: Box::pin(shutdown.wait_to_close(http.options.drain_spread)),
            _permit: permit,
            _open: GaugeGuard::new(metrics().connections.get(framing.transport())),
        }
    }

    /// The next chunk; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.opened {
            self.opened = true;
            return Some(self.chunk(StreamPart::Open));
        }
        match self.event().await? {
            StreamEvent::Answer(answer) => Some(self.answer(*answer)),
            StreamEvent::Complete => Some(self.last(StreamPart::Complete)),
            StreamEvent::Panicked(panic) => {
                tracing::error!(panic = panics::message(&*panic), "an operation panicked");
                Some(self.fail(coded("Internal error", graphql::code::INTERNAL)))
            }
            StreamEvent::KeepAlive => {
                let position = self.answers.as_mut().and_then(Answers::position);
                let position = position.filter(|position| self.told != Some(*position));
                self.told = position.or(self.told);
                Some(self.chunk(StreamPart::KeepAlive { position }))
            }
            StreamEvent::Ended => {
                let message = match self.is_of_key {
                    true => "the API key is not valid any more; ask an admin for another one",
                    false => "the session has ended; sign in again",
                };
                Some(self.fail(coded(message, graphql::code::UNAUTHENTICATED)))
            }
            StreamEvent::Expired => {
                let what = if self.is_of_key { "API key" } else { "access token" };
                Some(self.fail(coded(format!("the {what} has expired"), graphql::code::UNAUTHENTICATED)))
            }
            StreamEvent::Drained => Some(self.last(StreamPart::Drained)).filter(|chunk| !chunk.is_empty()),
        }
    }

    async fn event(&mut self) -> Option<StreamEvent> {
        let answers = self.answers.as_mut()?;
        let expired = async {
            match self.expires_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        Some(tokio::select! {
            biased;
            () = &mut self.ended => StreamEvent::Ended,
            () = expired => StreamEvent::Expired,
            () = &mut self.drained, if !self.finite => StreamEvent::Drained,
            answer = AssertUnwindSafe(answers.next()).catch_unwind() => match answer {
                Ok(Some(answer)) => StreamEvent::Answer(Box::new(answer)),
                Ok(None) => StreamEvent::Complete,
                Err(panic) => StreamEvent::Panicked(panic),
            },
            _ = self.keep_alive.tick() => StreamEvent::KeepAlive,
        })
    }

    fn answer(&mut self, mut answer: ExecutionResult) -> Bytes {
        if let graphql::ResultBody::Response(response) = &mut answer.body {
            tag_internal_errors(&mut response.errors, &self.id);
            if self.started && wire::was_refused(response) {
                let errors = std::mem::take(&mut response.errors);
                return self.last(StreamPart::Failed { errors: &errors });
            }
        }
        if matches!(answer.body, graphql::ResultBody::Json(_)) {
            metrics().deliveries.get(self.framing.transport()).inc();
        }
        self.started = true;
        self.told = answer.cursor.or(self.told);
        self.chunk(StreamPart::Result { payload: (&answer.body).into(), cursor: answer.cursor })
    }

    fn fail(&mut self, error: ServerError) -> Bytes {
        let mut errors = [error];
        tag_internal_errors(&mut errors, &self.id);
        self.last(StreamPart::Failed { errors: &errors })
    }

    fn last(&mut self, part: StreamPart<'_>) -> Bytes {
        self.answers = None;
        self.chunk(part)
    }

    fn chunk(&mut self, part: StreamPart<'_>) -> Bytes {
        let (answers, client) = &self.in_flight;
        let limits = answers.limits();
        let mut body = Vec::new();
        match self.framing.write(&mut body, &part, limits.whole_answer()) {
            Ok(()) if body.len() <= UNCOUNTED => body.into(),
            Ok(()) => {
                let mut held = answers.for_client(*client);
                match held.try_add(body.len()) {
                    Ok(()) => held_chunk(body, held),
                    Err(refusal) => self.fail(refusal.to_error()),
                }
            }
            Err(error) if wire::is_too_large(&error) => self.fail(AnswerRefusal::TooLarge(limits.answer).to_error()),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                self.answers = None;
                Bytes::new()
            }
        }
    }
}
