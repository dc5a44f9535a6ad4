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
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use async_graphql::Response;
use futures_util::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
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
    telemetry::metrics::{Held, Subscribed, metrics},
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

/// One update of any type.
pub(super) struct AnyItem {
    item: Box<dyn Any + Send + Sync>,
    cursor: Option<EventCursor>,
    key: Option<UpdateKey>,
}

impl<T: Item> From<T> for AnyItem {
    fn from(item: T) -> Self {
        Self { cursor: item.cursor(), key: item.key(), item: Box::new(item) }
    }
}

/// The updates of one subscriber.
type Items = BoxStream<'static, service::Result<AnyItem>>;

/// Where the root field of a subscription puts its updates, and that it is open.
type Opened = Arc<Mutex<Option<(Items, Held)>>>;

/// What the root field of a subscription is run for.
pub(super) enum Phase {
    /// Nothing: the operation is no subscription.
    None,
    /// To hand over its stream.
    Open(Opened),
    /// To answer with this update.
    Answer(AnyItem),
}

impl Phase {
    /// What the root field streams now; `open` starts the subscription.
    pub async fn run<T: Item>(
        &self,
        field: Subscribed,
        open: impl Future<Output = ApiResult<impl Stream<Item = service::Result<T>> + Send + 'static>> + Send,
    ) -> ApiResult<stream::Iter<std::option::IntoIter<T>>> {
        let item = match self {
            Self::Answer(item) => item.item.downcast_ref().cloned(),
            Self::Open(opened) => {
                let items = open.await?.map(|item| item.map(AnyItem::from)).boxed();
                let held = Held::new(metrics().subscriptions.of(field));
                *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some((items, held));
                None
            }
            Self::None => None,
        };
        Ok(stream::iter(item))
    }
}

/// The subscriptions of a node.
pub(super) struct Live {
    executor: Arc<Executor>,
    written: Written,
}

/// One subscriber's answers. Written out as a stream by itself, since each delivery comes through here.
struct Subscription {
    live: Arc<Live>,
    state: State,
}

/// Where a subscription is.
enum State {
    Opening(BoxFuture<'static, Result<Subscriber, Option<Response>>>),
    Open(Subscriber),
    Over,
}

struct Subscriber {
    items: Items,
    digest: [u8; 32],
    selection: Arc<Selection>,
    /// The answer that is being executed.
    answering: Option<BoxFuture<'static, Answer>>,
    _open: Held,
}

impl Stream for Subscription {
    type Item = Answer;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let Self { live, state } = self.get_mut();
        loop {
            match state {
                State::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok(subscriber) => *state = State::Open(subscriber),
                    Err(refusal) => {
                        *state = State::Over;
                        return Poll::Ready(refusal.map(Answer::from));
                    }
                },
                State::Open(subscriber) => match ready!(subscriber.poll_next(live, cx)) {
                    Some(Err(error)) => {
                        *state = State::Over;
                        return Poll::Ready(Some(refusal(error.into()).into()));
                    }
                    answer => return Poll::Ready(answer.and_then(Result::ok)),
                },
                State::Over => return Poll::Ready(None),
            }
        }
    }
}

impl Subscriber {
    fn poll_next(&mut self, live: &Arc<Live>, cx: &mut Context<'_>) -> Poll<Option<service::Result<Answer>>> {
        loop {
            if let Some(answering) = &mut self.answering {
                let answer = ready!(answering.as_mut().poll(cx));
                self.answering = None;
                return Poll::Ready(Some(Ok(answer)));
            }
            match ready!(self.items.poll_next_unpin(cx)) {
                Some(Ok(item)) => {
                    // Most find it there, and need not so much as make the execution.
                    if let Some(json) = item.key.and_then(|key| live.written.get(self.digest, key)) {
                        return Poll::Ready(Some(Ok(Answer { body: Body::Written(json), cursor: item.cursor })));
                    }
                    self.answering = Some(Box::pin(live.clone().answer(self.selection.clone(), item)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Live {
    pub fn new(executor: Arc<Executor>) -> Arc<Self> {
        Arc::new(Self { executor, written: Written::default() })
    }

    /// The answers to a subscription.
    pub fn subscribe(self: Arc<Self>, viewer: Viewer, operation: Prepared) -> BoxStream<'static, Answer> {
        let live = self.clone();
        let opening = Box::pin(async move { live.open(viewer, operation).await });
        Box::pin(Subscription { live: self, state: State::Opening(opening) })
    }

    /// Starts a subscription. Fails with the response that says why, or with none when the document asks for nothing.
    async fn open(&self, viewer: Viewer, operation: Prepared) -> Result<Subscriber, Option<Response>> {
        let measured = operation.measured(self.executor.slow);
        if let Err(refusal) = self.executor.charge(viewer, &operation).await {
            measured.end(error::outcome(&refusal.errors));
            return Err(Some(refusal));
        }
        let opened = Opened::default();
        let opening = self.executor.subscription(viewer, &operation, Phase::Open(opened.clone()));
        let response = measured.run(opening).await;
        measured.end(response.as_ref().map_or("OK", |response| error::outcome(&response.errors)));
        let opened = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        let subscriber = |(items, held)| {
            let selection = Arc::new(Selection::of(operation, viewer));
            Subscriber { items, digest: selection.digest(), selection, answering: None, _open: held }
        };
        opened.map(subscriber).ok_or(response)
    }

    async fn answer(self: Arc<Self>, selection: Arc<Selection>, item: AnyItem) -> Answer {
        let cursor = item.cursor;
        let written = match item.key {
            Some(key) => self.written.get_or_write(selection.digest(), key, self.execute(&selection, item)).await,
            None => self.execute(&selection, item).await.map_err(Arc::new),
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
    async fn execute(&self, selection: &Selection, item: AnyItem) -> Result<Arc<RawValue>, Response> {
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
