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

use super::gate::Wakeups;
use crate::{
    graphql::{ExecutionResult, ResultBody},
    http::{
        error::coded,
        observe::{self, RequestId},
        wire,
    },
};

/// What an operation has to say.
pub(super) enum Outcome {
    /// A result; more may follow.
    Next { id: Arc<str>, body: ResultBody },
    /// It failed, and is over.
    Error { id: Arc<str>, errors: Vec<ServerError> },
    /// It is over.
    Complete { id: Arc<str> },
}

/// An operation that can run.
pub(super) struct Runnable {
    /// Whether it ends by itself soon: it is no subscription.
    pub(super) short: bool,
    /// Opens it.
    pub(super) opening: BoxFuture<'static, BoxStream<'static, ExecutionResult>>,
}

pub(super) struct Operations {
    running: Slab<Operation>,
    wakeups: Arc<Wakeups>,
}

impl Operations {
    /// None yet.
    pub(super) fn new(wakeups: Arc<Wakeups>) -> Self {
        Self { running: Slab::new(), wakeups }
    }

    /// How many run.
    pub(super) fn count(&self) -> usize {
        self.running.len()
    }

    /// Whether a query or mutation runs.
    pub(super) fn has_short_ones(&self) -> bool {
        self.running.iter().any(|(_, operation)| operation.short)
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.slot(id).is_some()
    }

    /// Starts an operation whose id is not in use.
    pub(super) fn start(&mut self, id: String, request: RequestId, preparing: BoxFuture<'static, Runnable>) {
        let entry = self.running.vacant_entry();
        let (slot, wakeups) = (entry.key(), self.wakeups.clone());
        wakeups.enqueue(slot);
        let span = tracing::info_span!("operation", request_id = %request);
        let source = Source::Preparing(preparing);
        let waker = Arc::new(Bell { slot, wakeups }).into();
        entry.insert(Operation { id: id.into(), request, span, short: true, answered: false, source, waker });
    }

    /// Drops an operation; nothing more comes from it. Whether there was one.
    pub(super) fn stop(&mut self, id: &str) -> bool {
        self.slot(id).map(|slot| self.running.remove(slot)).is_some()
    }

    /// The next outcome of any of them; pending forever when there are none.
    pub(super) fn poll_next(&mut self) -> Poll<Outcome> {
        while let Some(slot) = self.wakeups.take_due() {
            // Something it waited for may still ring after it is gone, also for the one that came into its place.
            let Some(operation) = self.running.get_mut(slot) else { continue };
            let Poll::Ready(outcome) = operation.poll_next() else { continue };
            if matches!(outcome, Outcome::Next { .. }) {
                // There may be more, but the others come first.
                self.wakeups.enqueue(slot);
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
    short: bool,
    /// Whether a result was sent.
    answered: bool,
    source: Source,
    waker: Waker,
}

enum Source {
    Preparing(BoxFuture<'static, Runnable>),
    Opening(BoxFuture<'static, BoxStream<'static, ExecutionResult>>),
    Answers(BoxStream<'static, ExecutionResult>),
}

impl Source {
    /// The next answer. Sets whether the operation is a `short` one as soon as that is known.
    fn poll(&mut self, short: &mut bool, cx: &mut Context<'_>) -> Poll<Option<ExecutionResult>> {
        loop {
            match self {
                Self::Preparing(preparing) => {
                    let runnable = ready!(preparing.poll_unpin(cx));
                    *short = runnable.short;
                    *self = Self::Opening(runnable.opening);
                }
                Self::Opening(opening) => *self = Self::Answers(ready!(opening.poll_unpin(cx))),
                Self::Answers(answers) => return answers.poll_next_unpin(cx),
            }
        }
    }
}

impl Operation {
    fn poll_next(&mut self) -> Poll<Outcome> {
        self.poll_answer().map(|answer| {
            let id = self.id.clone();
            let Some(mut answer) = answer else { return Outcome::Complete { id } };
            if let ResultBody::Response(response) = &mut answer.body {
                wire::tag_internal_errors(&mut response.errors, &self.request);
                let failed = if self.answered { wire::was_refused(response) } else { wire::has_no_data(response) };
                if failed {
                    return Outcome::Error { id, errors: std::mem::take(&mut response.errors) };
                }
            }
            self.answered = true;
            Outcome::Next { id, body: answer.body }
        })
    }

    fn poll_answer(&mut self) -> Poll<Option<ExecutionResult>> {
        let Self { waker, span, source, short, .. } = self;
        let _entered = span.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| source.poll(short, &mut Context::from_waker(waker))));
        polled.unwrap_or_else(|panic| {
            tracing::error!(panic = observe::message(&*panic), "an operation panicked");
            let errors = vec![coded("Internal error", "INTERNAL")];
            Poll::Ready(Some(Response::from_errors(errors).into()))
        })
    }
}

/// Says that its operation is to be polled.
struct Bell {
    slot: usize,
    wakeups: Arc<Wakeups>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakeups.ring(self.slot);
    }
}
