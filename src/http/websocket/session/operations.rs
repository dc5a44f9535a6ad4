//! The operations that run on one socket.
//!
//! Each is a stream with a wake-up of its own, so that an event costs the same however many others wait beside it.
//! They only move when they are polled, which the socket does when it can send more: a slow reader holds up its own
//! operations and nothing piles up.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};

use async_graphql::{Response, ServerError};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use slab::Slab;
use tracing::Span;

use crate::{
    graphql::{Answer, Body},
    http::{
        graphql::wire,
        graphql_error::{coded, tag_internal_errors},
        middleware::{panics, request_id::RequestId},
        websocket::ready_sources::ReadySources,
    },
};

/// What an operation has to say.
pub(in crate::http::websocket) enum OperationEvent {
    /// A result; more may follow.
    Next { id: Arc<str>, body: Body },
    /// It failed, and is over.
    Error { id: Arc<str>, errors: Vec<ServerError> },
    /// It is over.
    Complete { id: Arc<str> },
}

/// An operation that can run.
pub(in crate::http::websocket) struct PreparedOperation {
    /// Whether it ends by itself soon: it is no subscription.
    pub(in crate::http::websocket) finite: bool,
    /// Opens it.
    pub(in crate::http::websocket) opening: BoxFuture<'static, BoxStream<'static, Answer>>,
}

pub(in crate::http::websocket) struct Operations {
    running: Slab<Operation>,
    ready: Arc<ReadySources>,
}

impl Operations {
    /// None yet.
    pub(in crate::http::websocket) fn new(ready: Arc<ReadySources>) -> Self {
        Self { running: Slab::new(), ready }
    }

    /// How many run.
    pub(in crate::http::websocket) fn count(&self) -> usize {
        self.running.len()
    }

    /// Whether a query or mutation runs.
    pub(in crate::http::websocket) fn has_finite(&self) -> bool {
        self.running.iter().any(|(_, operation)| operation.finite)
    }

    pub(in crate::http::websocket) fn contains(&self, id: &str) -> bool {
        self.slot(id).is_some()
    }

    /// Starts an operation whose id is not in use.
    pub(in crate::http::websocket) fn start(
        &mut self,
        id: String,
        request: RequestId,
        preparing: BoxFuture<'static, PreparedOperation>,
    ) {
        let entry = self.running.vacant_entry();
        let (slot, ready) = (entry.key(), self.ready.clone());
        ready.enqueue(slot);
        let span = tracing::info_span!("operation", request_id = %request);
        let state = OperationState::Preparing(preparing);
        let waker = Arc::new(OperationWaker { slot, ready }).into();
        entry.insert(Operation { id: id.into(), request, span, finite: true, answered: false, state, waker });
    }

    /// Drops an operation; nothing more comes from it. Whether there was one.
    pub(in crate::http::websocket) fn stop(&mut self, id: &str) -> bool {
        self.slot(id).map(|slot| self.running.remove(slot)).is_some()
    }

    /// The next outcome of any of them; pending forever when there are none.
    pub(in crate::http::websocket) fn poll_next(&mut self) -> Poll<OperationEvent> {
        while let Some(slot) = self.ready.take_due() {
            // Something it waited for may still ring after it is gone, also for the one that came into its place.
            let Some(operation) = self.running.get_mut(slot) else { continue };
            let Poll::Ready(outcome) = operation.poll_next() else { continue };
            if matches!(outcome, OperationEvent::Next { .. }) {
                // There may be more, but the others come first.
                self.ready.enqueue(slot);
            } else {
                self.running.remove(slot);
            }
            return Poll::Ready(outcome);
        }
        Poll::Pending
    }

    fn slot(&self, id: &str) -> Option<usize> {
        self.running.iter().find(|(_, operation)| &*operation.id == id).map(|(slot, _)| slot)
    }
}

struct Operation {
    id: Arc<str>,
    request: RequestId,
    span: Span,
    /// Whether it ends by itself soon; one that is being prepared counts as such.
    finite: bool,
    /// Whether a result was sent.
    answered: bool,
    state: OperationState,
    waker: Waker,
}

enum OperationState {
    Preparing(BoxFuture<'static, PreparedOperation>),
    Opening(BoxFuture<'static, BoxStream<'static, Answer>>),
    Streaming(BoxStream<'static, Answer>),
}

impl OperationState {
    /// The next answer. Sets whether the operation is a `finite` one as soon as that is known.
    fn poll(&mut self, finite: &mut bool, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        loop {
            match self {
                Self::Preparing(preparing) => {
                    let runnable = ready!(preparing.poll_unpin(cx));
                    *finite = runnable.finite;
                    *self = Self::Opening(runnable.opening);
                }
                Self::Opening(opening) => *self = Self::Streaming(ready!(opening.poll_unpin(cx))),
                Self::Streaming(answers) => return answers.poll_next_unpin(cx),
            }
        }
    }
}

impl Operation {
    fn poll_next(&mut self) -> Poll<OperationEvent> {
        self.poll_answer().map(|answer| {
            let id = self.id.clone();
            let Some(mut answer) = answer else { return OperationEvent::Complete { id } };
            if let Body::Response(response) = &mut answer.body {
                tag_internal_errors(&mut response.errors, &self.request);
                let failed = if self.answered { wire::was_refused(response) } else { wire::has_no_data(response) };
                if failed {
                    return OperationEvent::Error { id, errors: std::mem::take(&mut response.errors) };
                }
            }
            self.answered = true;
            OperationEvent::Next { id, body: answer.body }
        })
    }

    fn poll_answer(&mut self) -> Poll<Option<Answer>> {
        let Self { waker, span, state, finite, .. } = self;
        let _entered = span.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| state.poll(finite, &mut Context::from_waker(waker))));
        polled.unwrap_or_else(|panic| {
            tracing::error!(panic = panics::message(&*panic), "an operation panicked");
            let errors = vec![coded("Internal error", "INTERNAL")];
            Poll::Ready(Some(Response::from_errors(errors).into()))
        })
    }
}

/// Says that its operation is to be polled.
struct OperationWaker {
    slot: usize,
    ready: Arc<ReadySources>,
}

impl Wake for OperationWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.wake_operation(self.slot);
    }
}
