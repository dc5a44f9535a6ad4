//! Subscriptions: each update is executed once for all who may see it and want the same of it, and written once.
//!
//! A subscriber is no running operation but a position in the event feed. Opening one runs its document like any
//! other, except that the root field's resolver hands over its stream of updates instead of answering
//! ([`Phase::Open`]). Each update is then an execution of its own, in which the same resolver answers with that update
//! ([`Phase::Answer`]). What comes out is kept for a moment under the update and everything it depends on
//! ([`Selection`]), so of all subscribers that want the same only the first executes; the others wait for it. One that
//! is catching up finds nothing there and executes for itself.
//!
//! Nothing of one event is left for the next, so nothing is stale, and a waiting subscriber costs little memory.

use std::{
    any::Any,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_graphql::Response;
use futures_util::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use parking_lot::{Mutex, MutexGuard};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    document::Prepared,
    error::{self, ApiError, ApiResult},
    executor::Executor,
    selection::Selection,
    written::Written,
};
use crate::{
    domain::{EventCursor, Product, ProductId, Seq, Viewer},
    service::{self, Update, UpdateKind},
    telemetry::metrics::{GaugeGuard, SubscriptionField, metrics},
};

/// What an operation that is run as a stream has to say.
#[derive(Debug)]
pub struct Answer {
    /// The result.
    pub body: Body,
    /// Where to resume after this update; `None` when it is not one of the event log.
    pub cursor: Option<EventCursor>,
}

/// A result of an operation.
#[derive(Debug)]
pub enum Body {
    /// With all its parts.
    Response(Box<Response>),
    /// Without errors, as JSON, shared by everyone who gets the same.
    Written(Arc<RawValue>),
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { body: Body::Response(Box::new(response)), cursor: None }
    }
}

/// What tells an update from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum UpdateKey {
    /// The entry of the event log.
    Entry(Seq),
    /// The state of a product.
    Version(ProductId, i32),
}

/// What the root field of a subscription streams.
pub(super) trait Item: Clone + Send + Sync + 'static {
    /// Where to resume after it.
    fn cursor(&self) -> Option<EventCursor>;

    /// `None` when nobody else is sent the same.
    fn key(&self) -> Option<UpdateKey>;
}

impl<T: Clone + Send + Sync + 'static> Item for Update<T> {
    fn cursor(&self) -> Option<EventCursor> {
        Some(self.cursor)
    }

    fn key(&self) -> Option<UpdateKey> {
        (self.kind != UpdateKind::Snapshot).then_some(UpdateKey::Entry(self.cursor.seq))
    }
}

impl Item for Arc<Product> {
    fn cursor(&self) -> Option<EventCursor> {
        None
    }

    fn key(&self) -> Option<UpdateKey> {
        Some(UpdateKey::Version(self.id, self.version))
    }
}

/// What the root field of a subscription is run for.
pub(super) enum Phase {
    /// Nothing: the operation is no subscription.
    None,
    /// To hand over its stream.
    Open(Arc<Opening>),
    /// To answer with this update.
    Answer(Box<dyn Any + Send + Sync>),
}

impl Phase {
    /// What the root field streams now; `open` starts the subscription.
    pub async fn run<T: Item>(
        &self,
        field: SubscriptionField,
        open: impl Future<Output = ApiResult<impl Stream<Item = service::Result<T>> + Send + Unpin + 'static>> + Send,
    ) -> ApiResult<stream::Iter<std::option::IntoIter<T>>> {
        let item = match self {
            Self::Answer(item) => item.downcast_ref().cloned(),
            Self::Open(opening) => {
                opening.opened(open.await?, field);
                None
            }
            Self::None => None,
        };
        Ok(stream::iter(item))
    }
}

/// A subscription until its root field has handed over its stream.
pub(super) struct Opening {
    live: Arc<Live>,
    selection: Arc<Selection>,
    answers: Mutex<Option<BoxStream<'static, Answer>>>,
}

impl Opening {
    fn opened<T: Item>(
        &self,
        items: impl Stream<Item = service::Result<T>> + Send + Unpin + 'static,
        field: SubscriptionField,
    ) {
        let subscriber = Subscriber {
            items,
            digest: self.selection.digest(),
            live: self.live.clone(),
            selection: self.selection.clone(),
            answering: None,
            _open: GaugeGuard::new(metrics().subscriptions.get(field)),
        };
        *self.answers() = Some(Box::pin(subscriber));
    }

    fn answers(&self) -> MutexGuard<'_, Option<BoxStream<'static, Answer>>> {
        self.answers.lock()
    }
}

/// One subscriber's answers, which end after an error. Written out as a stream by itself, and all of it in one place of
/// memory, since each delivery comes through here.
struct Subscriber<S> {
    items: S,
    digest: [u8; 32],
    live: Arc<Live>,
    selection: Arc<Selection>,
    /// The answer that is being executed.
    answering: Option<BoxFuture<'static, Answer>>,
    _open: GaugeGuard,
}

impl<T: Item, S: Stream<Item = service::Result<T>> + Unpin> Stream for Subscriber<S> {
    type Item = Answer;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let Self { items, digest, live, selection, answering, .. } = self.get_mut();
        loop {
            if let Some(executing) = answering {
                let answer = ready!(executing.as_mut().poll(cx));
                *answering = None;
                return Poll::Ready(Some(answer));
            }
            match ready!(items.poll_next_unpin(cx)) {
                Some(Ok(item)) => {
                    // Most find it there, and need not so much as make the execution.
                    if let Some(json) = item.key().and_then(|key| live.written.get(*digest, key)) {
                        return Poll::Ready(Some(Answer { body: Body::Written(json), cursor: item.cursor() }));
                    }
                    *answering = Some(Box::pin(live.clone().answer(selection.clone(), item)));
                }
                Some(Err(error)) => return Poll::Ready(Some(refusal(error.into()).into())),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// The subscriptions of a node.
pub(super) struct Live {
    executor: Arc<Executor>,
    written: Written,
}

impl Live {
    pub fn new(executor: Arc<Executor>) -> Arc<Self> {
        Arc::new(Self { executor, written: Written::default() })
    }

    /// Starts a subscription; if that fails, its only answer says why. There is none when the document asks for nothing.
    pub async fn subscribe(self: Arc<Self>, viewer: Viewer, operation: Prepared) -> BoxStream<'static, Answer> {
        let measured = operation.measured(self.executor.slow);
        if let Err(refusal) = self.executor.charge(viewer, &operation).await {
            measured.end(error::outcome(&refusal.errors));
            return stream::iter([refusal.into()]).boxed();
        }
        let selection = Arc::new(Selection::of(operation, viewer));
        let opening = Arc::new(Opening { live: self.clone(), selection, answers: Mutex::default() });
        let run = self.executor.subscription(viewer, opening.selection.operation(), Phase::Open(opening.clone()));
        let response = measured.run(run).await;
        measured.end(response.as_ref().map_or("OK", |response| error::outcome(&response.errors)));
        let answers = opening.answers().take();
        answers.unwrap_or_else(|| stream::iter(response.map(Answer::from)).boxed())
    }

    async fn answer(self: Arc<Self>, selection: Arc<Selection>, item: impl Item) -> Answer {
        let (key, cursor) = (item.key(), item.cursor());
        let execution = self.execute(&selection, Box::new(item));
        let written = match key {
            Some(key) => self.written.get_or_write(selection.digest(), key, execution).await,
            None => execution.await.map_err(Arc::new),
        };
        let body = match written {
            Ok(json) => Body::Written(json),
            Err(failed) => {
                let mut response = Response::new(failed.data.clone());
                response.errors.clone_from(&failed.errors);
                Body::Response(Box::new(response))
            }
        };
        Answer { body, cursor }
    }

    /// The result for one update as JSON, or the response if there is an error in it.
    async fn execute(
        &self,
        selection: &Selection,
        item: Box<dyn Any + Send + Sync>,
    ) -> Result<Arc<RawValue>, Response> {
        metrics().updates_executed.inc();
        let operation = selection.operation();
        let answer = self.executor.subscription(selection.viewer(), operation, Phase::Answer(item)).await;
        // Invariant: the root field answered when it was opened, so it is neither skipped nor missing.
        let response = answer.unwrap_or_default();
        if !response.errors.is_empty() {
            return Err(response);
        }
        to_raw_value(&response).map(Arc::from).map_err(|error| refusal(ApiError::internal(&error)))
    }
}

/// A response that ends the subscription.
fn refusal(error: ApiError) -> Response {
    Response::from_errors(vec![error.into_server_error()])
}
