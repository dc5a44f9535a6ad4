//! Opening subscriptions and rendering their updates.

use std::{
    any::Any,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_graphql::Response;
use futures_util::{Stream, StreamExt, future::BoxFuture, stream};
use parking_lot::{Mutex, MutexGuard};
use serde_json::value::{RawValue, to_raw_value};
use tokio::runtime::Handle;

use super::{
    catch_up::CatchUp,
    result::{BoxResultStream, ExecutionResult, ResultBody, ResultStream, results},
    selection::{Selection, SelectionDigest},
    update::LiveUpdate,
    update_cache::{UpdateCache, UpdateCacheKey},
};
use crate::{
    domain::{EventCursor, Viewer},
    graphql::engine::{
        client_limits::{SubscriptionPermit, SubscriptionShare},
        document::PreparedOperation,
        error::{self, ApiError, ApiResult},
        execute::OperationExecutor,
    },
    service::{self, ServiceError, UpdateStream},
    telemetry::metrics::{GaugeGuard, metrics},
};

/// A subscriber is charged for updates, and for what is read from the log for them, when they have this many bytes together.
const CHARGED_BYTES: usize = 64 * 1024;
/// A subscriber who leaves is not charged for fewer bytes.
const LEAST_CHARGED: usize = 4 * 1024;

/// What a run of a subscription's document is for. Request data; operations without it run once and have no root field
/// that subscribes.
pub enum ExecutionMode {
    /// The root field hands over its stream of updates.
    Subscribe(Arc<PendingSubscription>),
    /// The root field returns this update.
    Render(Box<dyn Any + Send + Sync>),
}

/// Resolves the root field of a subscription: at most one update, see [`ExecutionMode`]. `open` starts the stream of
/// updates; `field` is the name of the root field, for metrics; `watched` is the number of entities that it watches one by
/// one.
pub async fn resolve<T: LiveUpdate>(
    context: &async_graphql::Context<'_>,
    field: &'static str,
    watched: usize,
    open: impl Future<Output = ApiResult<impl UpdateStream<Item = service::Result<T>> + Send + Unpin + 'static>> + Send,
) -> ApiResult<stream::Iter<std::option::IntoIter<T>>> {
    let update = match context.data_opt::<ExecutionMode>() {
        Some(ExecutionMode::Render(update)) => update.downcast_ref().cloned(),
        Some(ExecutionMode::Subscribe(pending)) => {
            let permit = pending.acquire(watched)?;
            pending.opened(open.await?, permit, field);
            None
        }
        None => None,
    };
    Ok(stream::iter(update))
}

/// A subscription until its root field has handed over its stream.
pub struct PendingSubscription {
    live: Arc<LiveSubscriptions>,
    selection: Arc<Selection>,
    results: Mutex<Option<BoxResultStream>>,
}

impl PendingSubscription {
    /// The right to keep this subscription open.
    fn acquire(&self, watched: usize) -> ApiResult<SubscriptionPermit> {
        let (viewer, operation) = (self.selection.viewer(), self.selection.operation());
        let share = SubscriptionShare::one(watched, operation.variables_size());
        self.live.executor.limits.subscriptions.acquire(viewer, operation.client(), share)
    }

    fn opened<T: LiveUpdate>(
        &self,
        updates: impl UpdateStream<Item = service::Result<T>> + Send + Unpin + 'static,
        permit: SubscriptionPermit,
        field: &'static str,
    ) {
        let subscriber = Subscriber {
            updates,
            digest: self.selection.digest(),
            live: self.live.clone(),
            selection: self.selection.clone(),
            catch_up: CatchUp::default(),
            rendering: None,
            ended: false,
            uncharged: 0,
            _permit: permit,
            _open: GaugeGuard::new(&metrics().subscriptions.with_labels([field])),
        };
        *self.results() = Some(Box::new(subscriber));
    }

    fn results(&self) -> MutexGuard<'_, Option<BoxResultStream>> {
        self.results.lock()
    }
}

/// One subscriber's results, which end after an error. A hand-written stream in one allocation, since each delivery
/// comes through here.
struct Subscriber<S> {
    updates: S,
    digest: SelectionDigest,
    live: Arc<LiveSubscriptions>,
    selection: Arc<Selection>,
    catch_up: CatchUp,
    /// The result that is being rendered.
    rendering: Option<BoxFuture<'static, Result<ExecutionResult, ServiceError>>>,
    ended: bool,
    /// Bytes of updates and of what was read for them that are not charged yet.
    uncharged: usize,
    _permit: SubscriptionPermit,
    _open: GaugeGuard,
}

impl<S> Subscriber<S> {
    /// Charges what is not charged yet to the subscriber.
    fn charge(&mut self) {
        // Without a runtime the server has ended.
        let Ok(runtime) = Handle::try_current() else { return };
        let (live, selection) = (self.live.clone(), self.selection.clone());
        let bytes = std::mem::take(&mut self.uncharged);
        runtime.spawn(async move {
            live.executor.charge_updates(selection.viewer(), selection.operation(), bytes).await;
        });
    }
}

/// A subscriber who leaves pays for the rest.
impl<S> Drop for Subscriber<S> {
    fn drop(&mut self) {
        if self.uncharged > LEAST_CHARGED {
            self.charge();
        }
    }
}

impl<T: LiveUpdate, S: UpdateStream<Item = service::Result<T>> + Unpin> Stream for Subscriber<S> {
    type Item = ExecutionResult;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ExecutionResult>> {
        let polled = self.poll_result(cx);
        self.uncharged += self.updates.take_loaded();
        if let Poll::Ready(Some(ExecutionResult { body: ResultBody::Json(json), .. })) = &polled {
            self.uncharged += json.get().len();
        }
        if self.uncharged >= CHARGED_BYTES {
            self.charge();
        }
        polled
    }
}

impl<T: LiveUpdate, S: Stream<Item = service::Result<T>> + Unpin> Subscriber<S> {
    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Option<ExecutionResult>> {
        let Self { updates, digest, live, selection, catch_up, rendering, ended, .. } = self;
        if *ended {
            return Poll::Ready(None);
        }
        loop {
            if let Some(future) = rendering {
                let result = ready!(future.as_mut().poll(cx));
                *rendering = None;
                *ended = result.is_err();
                return Poll::Ready(Some(result.unwrap_or_else(|error| refusal(error.into()).into())));
            }
            ready!(catch_up.poll_turn(selection.caller(), cx));
            let Poll::Ready(update) = updates.poll_next_unpin(cx) else {
                catch_up.caught_up();
                return Poll::Pending;
            };
            match update {
                Some(Ok(update)) => {
                    catch_up.delivered();
                    // Usually a cache hit: avoids building the future.
                    let key = update.id().map(|update| UpdateCacheKey { selection: *digest, update });
                    if let Some(json) = key.and_then(|key| live.cache.get(key)) {
                        let (body, cursor) = (ResultBody::Json(json), update.cursor());
                        return Poll::Ready(Some(ExecutionResult { body, cursor }));
                    }
                    *rendering = Some(Box::pin(live.clone().render(selection.clone(), update)));
                }
                Some(Err(error)) => return Poll::Ready(Some(refusal(error.into()).into())),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T: LiveUpdate, S: UpdateStream<Item = service::Result<T>> + Send + Unpin> ResultStream for Subscriber<S> {
    fn position(&mut self) -> Option<EventCursor> {
        // The update that is being rendered was not sent.
        if self.ended || self.rendering.is_some() {
            return None;
        }
        self.updates.position()
    }
}

/// The subscriptions of this process.
pub struct LiveSubscriptions {
    executor: Arc<OperationExecutor>,
    cache: UpdateCache,
}

impl LiveSubscriptions {
    /// Subscriptions whose operations `executor` runs.
    pub fn new(executor: Arc<OperationExecutor>) -> Arc<Self> {
        Arc::new(Self { executor, cache: UpdateCache::default() })
    }

    /// Opens a subscription and streams its results. If opening fails, the only result has the errors; there is none
    /// when the document selects nothing.
    pub async fn subscribe(self: Arc<Self>, viewer: Viewer, operation: PreparedOperation) -> BoxResultStream {
        let measured = operation.start_timer(self.executor.slow);
        if let Err(refusal) = self.executor.charge(viewer, &operation).await {
            measured.end(error::outcome_label(&refusal.errors));
            return results(stream::iter([refusal.into()]));
        }
        let selection = Arc::new(Selection::new(operation, viewer));
        let pending = Arc::new(PendingSubscription { live: self.clone(), selection, results: Mutex::default() });
        let mode = ExecutionMode::Subscribe(pending.clone());
        let run = self.executor.run_subscription(viewer, pending.selection.operation(), mode);
        let response = measured.run(run).await;
        measured.end(response.as_ref().map_or("OK", |response| error::outcome_label(&response.errors)));
        let opened = pending.results().take();
        opened.unwrap_or_else(|| results(stream::iter(response.map(ExecutionResult::from))))
    }

    /// The result for one update. While parts of it can't be read, it is executed again; the error ends the
    /// subscription with the cursor before the update, so that the subscriber who resumes there misses nothing.
    async fn render(
        self: Arc<Self>,
        selection: Arc<Selection>,
        update: impl LiveUpdate,
    ) -> Result<ExecutionResult, ServiceError> {
        let (id, cursor, before) = (update.id(), update.cursor(), update.cursor_before());
        let execution = self.execute_until_read(&selection, update);
        let rendered = match id {
            Some(update) => {
                let key = UpdateCacheKey { selection: selection.digest(), update };
                self.cache.get_or_render(key, execution).await
            }
            None => execution.await.map_err(Arc::new),
        };
        let body = match rendered {
            Ok(json) => ResultBody::Json(json),
            Err(failed) => match &*failed {
                Unrendered::HasErrors(failed) => {
                    let mut response = Response::new(failed.data.clone());
                    response.errors.clone_from(&failed.errors);
                    ResultBody::Response(Box::new(response))
                }
                Unrendered::NotRead => return Err(ServiceError::Interrupted(before)),
            },
        };
        Ok(ExecutionResult { body, cursor })
    }

    /// Executes one update until nothing fails that may succeed when it is tried again.
    async fn execute_until_read(
        &self,
        selection: &Selection,
        update: impl LiveUpdate,
    ) -> Result<Arc<RawValue>, Unrendered> {
        let execute = || async {
            match self.execute(selection, Box::new(update.clone())).await {
                Err(response) if error::is_failure(&response.errors) => None,
                result => Some(result.map_err(|response| Unrendered::HasErrors(Box::new(response)))),
            }
        };
        self.executor.service.read_for_subscriber(execute).await.unwrap_or(Err(Unrendered::NotRead))
    }

    /// The result for one update as JSON, or the response if there is an error in it.
    async fn execute(
        &self,
        selection: &Selection,
        update: Box<dyn Any + Send + Sync>,
    ) -> Result<Arc<RawValue>, Response> {
        metrics().updates_executed.inc();
        let mode = ExecutionMode::Render(update);
        let response = self.executor.run_subscription(selection.viewer(), selection.operation(), mode).await;
        // The root field was resolved when the subscription was opened, so it is neither skipped nor missing.
        let response = response.unwrap_or_else(error::no_response);
        if !response.errors.is_empty() {
            return Err(response);
        }
        to_raw_value(&response).map(Arc::from).map_err(|error| refusal(ApiError::internal(&error)))
    }
}

/// Why there is no result for an update that subscribers can share.
enum Unrendered {
    /// The response has errors that executing it again would not change.
    HasErrors(Box<Response>),
    /// Parts of it could not be read in time.
    NotRead,
}

/// A response that ends the subscription.
fn refusal(error: ApiError) -> Response {
    Response::from_errors(vec![error.into_server_error()])
}
