//! The GraphQL API of the transport tests, and the probe that controls it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context as TaskContext, Poll},
};

use async_graphql::{Context, Object, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt, stream};
use orderwire::{domain::Viewer, graphql::ResumeAfter};
use tokio_util::sync::CancellationToken;

/// Counters that tests read and switches that tests set.
#[derive(Default)]
pub struct Probe {
    /// Number of `bump` mutations that were run.
    pub bumps: AtomicUsize,
    /// Number of open subscription streams.
    pub live: AtomicUsize,
    /// Number of items that `flood` subscriptions have produced.
    pub produced: AtomicUsize,
    /// How far the positions of subscriptions are past their last answer.
    pub passed: AtomicI64,
    /// Makes `/readyz` report a failure.
    pub unready: AtomicBool,
    /// Number of `held` operations that are running.
    pub holding: AtomicUsize,
    /// Ends the sessions of all users.
    pub sessions_end: CancellationToken,
    /// Lets all running `held` operations finish.
    pub release: tokio::sync::Notify,
}

#[derive(SimpleObject)]
pub struct Thing {
    name: String,
}

fn out_of_cheese() -> i32 {
    panic!("out of cheese")
}

pub struct Part;

#[Object]
impl Part {
    async fn broken(&self) -> async_graphql::Result<i32> {
        Err("it is broken".into())
    }
}

pub struct Query;

#[Object]
impl Query {
    async fn hello(&self, name: Option<String>) -> String {
        format!("hello {}", name.as_deref().unwrap_or("world"))
    }

    async fn thing(&self) -> Thing {
        Thing { name: "thing".to_owned() }
    }

    async fn part(&self) -> Option<Part> {
        Some(Part)
    }

    /// Always fails with `RATE_LIMITED`.
    async fn limited(&self) -> bool {
        true
    }

    async fn fault(&self) -> async_graphql::Result<i32> {
        Err("a required thing is missing".into())
    }

    async fn panics(&self) -> i32 {
        out_of_cheese()
    }

    async fn large(&self, bytes: usize) -> String {
        "x".repeat(bytes)
    }

    /// Finishes when the test releases it.
    async fn held(&self, ctx: &Context<'_>) -> bool {
        held(ctx.data_unchecked()).await
    }

    async fn viewer(&self, ctx: &Context<'_>) -> String {
        format!("{:?}", ctx.data_unchecked::<Viewer>())
    }
}

/// Waits for [`Probe::release`], counted in [`Probe::holding`] meanwhile.
pub async fn held(probe: &Arc<Probe>) -> bool {
    struct Held<'a>(&'a Probe);
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.holding.fetch_sub(1, SeqCst);
        }
    }
    probe.holding.fetch_add(1, SeqCst);
    let _held = Held(probe);
    probe.release.notified().await;
    true
}

pub struct Mutation;

#[Object]
impl Mutation {
    async fn held(&self, ctx: &Context<'_>) -> bool {
        held(ctx.data_unchecked()).await
    }

    async fn large(&self, bytes: usize) -> String {
        "x".repeat(bytes)
    }

    async fn bump(&self, ctx: &Context<'_>) -> usize {
        ctx.data_unchecked::<Arc<Probe>>().bumps.fetch_add(1, SeqCst) + 1
    }
}

pub struct Subscriptions;

#[Subscription]
impl Subscriptions {
    /// Sends 1 to `to` and ends.
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// Sends the cursor that the request resumes after.
    async fn resumed(&self, ctx: &Context<'_>) -> impl Stream<Item = Option<String>> {
        let after = ctx.data_opt::<ResumeAfter>().map(|resume| resume.0.to_string());
        stream::iter([after])
    }

    /// Sends one item and stays open.
    async fn open(&self, ctx: &Context<'_>) -> impl Stream<Item = i32> {
        counted(ctx, stream::iter([1]).chain(stream::pending()))
    }

    async fn viewer(&self, ctx: &Context<'_>) -> impl Stream<Item = String> {
        let viewer = format!("{:?}", ctx.data_unchecked::<Viewer>());
        stream::iter([viewer])
    }

    /// Stays open without sending anything.
    async fn silent(&self, ctx: &Context<'_>) -> impl Stream<Item = i32> {
        counted(ctx, stream::pending())
    }

    /// Sends texts of this size as fast as the reader accepts them.
    async fn flood(&self, ctx: &Context<'_>, bytes: usize) -> impl Stream<Item = String> {
        let probe = ctx.data_unchecked::<Arc<Probe>>().clone();
        let texts = stream::repeat_with(move || {
            probe.produced.fetch_add(1, SeqCst);
            "x".repeat(bytes)
        });
        counted(ctx, texts)
    }

    /// Opens when the test releases it.
    async fn held(&self) -> impl Stream<Item = i32> {
        stream::iter([1])
    }

    async fn refused(&self) -> async_graphql::Result<stream::Pending<i32>> {
        Err("not for you".into())
    }

    async fn panics(&self) -> impl Stream<Item = i32> {
        stream::iter([1, 2]).map(|number| if number == 2 { out_of_cheese() } else { number })
    }
}

/// A stream that [`Probe::live`] counts while it exists.
struct CountedStream<S> {
    inner: Pin<Box<S>>,
    probe: Arc<Probe>,
}

fn counted<S>(ctx: &Context<'_>, inner: S) -> CountedStream<S> {
    let probe = ctx.data_unchecked::<Arc<Probe>>().clone();
    probe.live.fetch_add(1, SeqCst);
    CountedStream { inner: Box::pin(inner), probe }
}

impl<S: Stream> Stream for CountedStream<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl<S> Drop for CountedStream<S> {
    fn drop(&mut self) {
        self.probe.live.fetch_sub(1, SeqCst);
    }
}
