//! The operations that run on one socket.
//!
//! Each is a stream with its own waker, so that an event costs the same however many other operations wait. The socket
//! polls them only when it can send more: a slow reader delays only its own operations, and nothing queues up.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};

use async_graphql::{Response, ServerError};
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use slab::Slab;
use tracing::Span;

use crate::{
    domain::EventCursor,
    graphql::{ExecutionResult, ResultBody},
    http::{
        graphql::{answers::Answers, wire},
        graphql_error::{coded, tag_internal_errors},
        middleware::{panics, request_id::RequestId},
        websocket::{ready_sources::ReadySources, transport::protocol::OperationPosition},
    },
};

/// The size of a position in a message beside the id of its operation, in bytes.
const POSITION_BYTES: usize = 64;

/// What an operation produces.
pub(in crate::http::websocket) enum OperationEvent {
    /// A result; more may follow.
    Next { id: Arc<str>, body: ResultBody },
    /// The operation failed and has ended.
    Error { id: Arc<str>, errors: Vec<ServerError> },
    /// The operation has ended.
    Complete { id: Arc<str> },
}

/// A prepared operation, ready to run.
pub(in crate::http::websocket) struct PendingOperation {
    /// True for queries and mutations, which end soon; false for subscriptions.
    pub(in crate::http::websocket) finite: bool,
    /// The stream of results.
    pub(in crate::http::websocket) answers: Answers,
}

pub(in crate::http::websocket) struct Operations {
    running: Slab<Operation>,
    ready: Arc<ReadySources>,
    /// The slot at which telling positions continues.
    tell_from: usize,
}

impl Operations {
    pub(in crate::http::websocket) fn new(ready: Arc<ReadySources>) -> Self {
        Self { running: Slab::new(), ready, tell_from: 0 }
    }

    /// How many operations run.
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
        preparing: BoxFuture<'static, PendingOperation>,
    ) {
        let entry = self.running.vacant_entry();
        let (slot, ready) = (entry.key(), self.ready.clone());
        ready.enqueue(slot);
        let span = tracing::info_span!("operation", request_id = %request);
        let state = OperationState::Preparing(preparing);
        let waker = Arc::new(OperationWaker { slot, ready }).into();
        entry.insert(Operation {
            id: id.into(),
            request,
            span,
            finite: true,
            answered: false,
            told: None,
            state,
            waker,
        });
    }

    /// Drops an operation, so that nothing more comes from it. Returns whether there was one.
    pub(in crate::http::websocket) fn stop(&mut self, id: &str) -> bool {
        self.slot(id).map(|slot| self.running.remove(slot)).is_some()
    }

    /// The next event of any operation.
    pub(in crate::http::websocket) fn poll_next(&mut self) -> Poll<OperationEvent> {
        while let Some(slot) = self.ready.take_operation() {
            // A source can call the waker after its operation has ended. The slot is then empty or used by another one.
            let Some(operation) = self.running.get_mut(slot) else { continue };
            let Poll::Ready(outcome) = operation.poll_next() else {
                // One that is ready again at once lets other tasks run, and has woken this one for later.
                if self.ready.is_ready(slot) {
                    return Poll::Pending;
                }
                continue;
            };
            if matches!(outcome, OperationEvent::Next { .. }) {
                // There may be more, after the other operations had their turn.
                self.ready.enqueue(slot);
            } else {
                self.running.remove(slot);
            }
            return Poll::Ready(outcome);
        }
        Poll::Pending
    }

    /// The positions of operations that have moved since they were told last, by id: at most `count` of them and, but
    /// for the first, `bytes` in all. The others come first at the next call.
    pub(in crate::http::websocket) fn positions_to_tell(
        &mut self,
        count: usize,
        bytes: usize,
    ) -> Vec<OperationPosition> {
        let (mut told, mut left) = (Vec::new(), bytes);
        let (from, slots) = (self.tell_from, self.running.capacity());
        self.tell_from = 0;
        for slot in (from..slots).chain(0..from) {
            let Some(operation) = self.running.get_mut(slot) else { continue };
            let Some(cursor) = operation.position_to_tell() else { continue };
            let size = operation.id.len() + POSITION_BYTES;
            if told.len() == count || (size > left && !told.is_empty()) {
                self.tell_from = slot;
                break;
            }
            left = left.saturating_sub(size);
            operation.told = Some(cursor);
            told.push(OperationPosition { id: operation.id.clone(), cursor });
        }
        told
    }

    fn slot(&self, id: &str) -> Option<usize> {
        self.running.iter().find(|(_, operation)| &*operation.id == id).map(|(slot, _)| slot)
    }
}

struct Operation {
    id: Arc<str>,
    request: RequestId,
    span: Span,
    /// True for queries and mutations, and while the operation is being prepared.
    finite: bool,
    /// Whether a result was sent.
    answered: bool,
    /// The cursor that was sent last.
    told: Option<EventCursor>,
    state: OperationState,
    waker: Waker,
}

enum OperationState {
    Preparing(BoxFuture<'static, PendingOperation>),
    Running(Answers),
}

impl OperationState {
    /// The next result. Sets `finite` as soon as the kind of operation is known.
    fn poll(&mut self, finite: &mut bool, cx: &mut Context<'_>) -> Poll<Option<ExecutionResult>> {
        loop {
            match self {
                Self::Preparing(preparing) => {
                    let runnable = ready!(preparing.poll_unpin(cx));
                    *finite = runnable.finite;
                    *self = Self::Running(runnable.answers);
                }
                Self::Running(answers) => return answers.poll_next_unpin(cx),
            }
        }
    }
}

impl Operation {
    fn poll_next(&mut self) -> Poll<OperationEvent> {
        self.poll_answer().map(|answer| {
            let id = self.id.clone();
            let Some(mut answer) = answer else { return OperationEvent::Complete { id } };
            if let ResultBody::Response(response) = &mut answer.body {
                tag_internal_errors(&mut response.errors, &self.request);
                // A subscription that can't be opened has no result at all, though its error may name the field.
                let is_opening = !self.finite && !self.answered && answer.cursor.is_none();
                if wire::was_refused(response) || is_opening && wire::has_no_data(response) {
                    return OperationEvent::Error { id, errors: std::mem::take(&mut response.errors) };
                }
            }
            self.answered = true;
            self.told = answer.cursor.or(self.told);
            OperationEvent::Next { id, body: answer.body }
        })
    }

    /// The cursor to resume after, unless it was sent already.
    fn position_to_tell(&mut self) -> Option<EventCursor> {
        // Answers without a cursor are states, and nothing resumes after them.
        let is_resumable = self.told.is_some() || !self.answered;
        let OperationState::Running(answers) = &mut self.state else { return None };
        answers.position().filter(|cursor| is_resumable && self.told != Some(*cursor))
    }

    fn poll_answer(&mut self) -> Poll<Option<ExecutionResult>> {
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

/// Marks its operation as ready and wakes the task of the socket.
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
