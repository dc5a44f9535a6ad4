//! The operations that run on one socket.
//!
//! Each is a stream with a wake-up of its own, so that an event costs the same however many others wait beside it.
//! They only move when they are polled, which the socket does when it can send more: a slow reader holds up its own
//! operations and nothing piles up.

use std::{
    collections::HashMap,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use async_graphql::{Response, ServerError};
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered},
};
use tracing::Span;

use crate::{
    graphql::{Answer, Body},
    http::{
        error::coded,
        observe::{self, RequestId},
        wire,
    },
};

/// What an operation has to say.
pub(super) enum Outcome {
    /// A result; more may follow.
    Next { id: Arc<str>, body: Body },
    /// It failed, and is over.
    Error { id: Arc<str>, errors: Vec<ServerError> },
    /// It is over.
    Complete { id: Arc<str> },
}

/// An operation that was prepared.
pub(super) struct Opened {
    /// Whether it ends by itself soon: it is no subscription.
    pub(super) short: bool,
    pub(super) answers: BoxStream<'static, Answer>,
}

#[derive(Default)]
pub(super) struct Operations {
    running: FuturesUnordered<Step>,
    /// The ids in use, each with whether the operation ends by itself soon; one that is being prepared counts as such.
    ids: HashMap<Arc<str>, bool>,
}

impl Operations {
    /// Operations that run, and stopped ones whose place is not yet free.
    pub(super) fn occupied(&self) -> usize {
        self.running.len()
    }

    /// Operations that run.
    pub(super) fn active(&self) -> usize {
        self.ids.len()
    }

    /// Whether a query or mutation runs.
    pub(super) fn has_short_ones(&self) -> bool {
        self.ids.values().any(|short| *short)
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Starts an operation whose id is not in use.
    pub(super) fn start(&mut self, id: String, request: RequestId, opening: BoxFuture<'static, Opened>) {
        let id: Arc<str> = id.into();
        let span = tracing::info_span!("operation", request_id = %request);
        self.ids.insert(id.clone(), true);
        self.running.push(Step(Some(Box::new(Operation {
            id,
            request,
            span,
            started: false,
            source: Some(Source::Opening(opening)),
            waker: None,
        }))));
    }

    /// Drops what an operation does; nothing more comes from it. Whether there was one.
    pub(super) fn stop(&mut self, id: &str) -> bool {
        if self.ids.remove(id).is_none() {
            return false;
        }
        let operations = self.running.iter_mut().filter_map(|step| step.0.as_mut());
        for operation in operations.filter(|operation| &*operation.id == id) {
            operation.source = None;
            if let Some(waker) = operation.waker.take() {
                waker.wake();
            }
        }
        true
    }

    /// The next outcome of any of them; pending forever when there are none.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            let Some((mut operation, item)) = ready!(self.running.poll_next_unpin(cx)) else { return Poll::Pending };
            if operation.source.is_none() {
                continue;
            }
            let id = operation.id.clone();
            let mut answer = match item {
                Item::Opened(Opened { short, answers }) => {
                    self.ids.insert(id, short);
                    operation.source = Some(Source::Answers(answers));
                    self.running.push(Step(Some(operation)));
                    continue;
                }
                Item::Answer(answer) => answer,
                Item::End => {
                    self.ids.remove(&id);
                    return Poll::Ready(Outcome::Complete { id });
                }
            };
            if let Body::Response(response) = &mut answer.body {
                wire::tag_internal_errors(&mut response.errors, &operation.request);
                let failed = if operation.started { wire::was_refused(response) } else { wire::has_no_data(response) };
                if failed {
                    self.ids.remove(&id);
                    return Poll::Ready(Outcome::Error { id, errors: std::mem::take(&mut response.errors) });
                }
            }
            operation.started = true;
            self.running.push(Step(Some(operation)));
            return Poll::Ready(Outcome::Next { id, body: answer.body });
        }
    }
}

struct Operation {
    id: Arc<str>,
    request: RequestId,
    span: Span,
    /// Whether a result was sent.
    started: bool,
    /// `None` once stopped.
    source: Option<Source>,
    /// Lets a stopped operation leave.
    waker: Option<Waker>,
}

enum Source {
    Opening(BoxFuture<'static, Opened>),
    Answers(BoxStream<'static, Answer>),
}

enum Item {
    Opened(Opened),
    Answer(Answer),
    End,
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        match self {
            Self::Opening(opening) => opening.poll_unpin(cx).map(Item::Opened),
            Self::Answers(answers) => answers.poll_next_unpin(cx).map(|answer| answer.map_or(Item::End, Item::Answer)),
        }
    }
}

impl Operation {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        let Some(source) = &mut self.source else { return Poll::Ready(Item::End) };
        let entered = self.span.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| source.poll(cx)));
        let polled = polled.unwrap_or_else(|panic| {
            tracing::error!(panic = observe::message(&*panic), "an operation panicked");
            let errors = vec![coded("Internal error", "INTERNAL")];
            Poll::Ready(Item::Answer(Response::from_errors(errors).into()))
        });
        drop(entered);
        if polled.is_pending() && !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        polled
    }
}

/// Waits for an operation's next item and hands both back. Boxed, since it is moved for each item.
struct Step(Option<Box<Operation>>);

impl Future for Step {
    type Output = (Box<Operation>, Item);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(operation) = &mut self.0 else { return Poll::Pending };
        let item = ready!(operation.poll(cx));
        match self.0.take() {
            Some(mut operation) => {
                operation.waker = None;
                Poll::Ready((operation, item))
            }
            None => Poll::Pending,
        }
    }
}
