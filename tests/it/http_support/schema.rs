//! The GraphQL API that the tests of the transports serve, and what they steer it with.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context as TaskContext, Poll},
};

use async_graphql::{Context, Object, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt, stream};
use orderwire::{domain::Viewer, graphql::ResumeAfter};
use tokio_util::sync::CancellationToken;

/// What the tests watch and steer.
#[derive(Default)]
pub struct Probe {
    /// Mutations run.
    pub bumps: AtomicUsize,
    /// Subscription streams that exist.
    pub live: AtomicUsize,
    /// Items that subscription streams were asked for.
    pub produced: AtomicUsize,
    /// Whether the server calls itself unready.
    pub unready: AtomicBool,
    /// `held` operations under way.
    pub holding: AtomicUsize,
    /// Ends all sessions of users.
    pub sessions_end: CancellationToken,
    /// Lets `held` operations end.
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

    /// Always too much.
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

    /// Ends when released.
    async fn held(&self, ctx: &Context<'_>) -> bool {
        held(ctx.data_unchecked()).await
    }

    async fn viewer(&self, ctx: &Context<'_>) -> String {
        format!("{:?}", ctx.data_unchecked::<Viewer>())
    }
}

/// Counted while it is under way.
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
    /// 1 to `to`, then the end.
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// The event that the request resumes after.
    async fn resumed(&self, ctx: &Context<'_>) -> impl Stream<Item = Option<String>> {
        let after = ctx.data_opt::<ResumeAfter>().map(|resume| resume.0.to_string());
        stream::iter([after])
    }

    /// One item, then nothing until it is dropped.
    async fn open(&self, ctx: &Context<'_>) -> impl Stream<Item = i32> {
        watched(ctx, stream::iter([1]).chain(stream::pending()))
    }

    async fn viewer(&self, ctx: &Context<'_>) -> impl Stream<Item = String> {
        let viewer = format!("{:?}", ctx.data_unchecked::<Viewer>());
        stream::iter([viewer])
    }

    /// Nothing until it is dropped.
    async fn silent(&self, ctx: &Context<'_>) -> impl Stream<Item = i32> {
        watched(ctx, stream::pending())
    }

    /// As many texts of this size as the reader takes.
    async fn flood(&self, ctx: &Context<'_>, bytes: usize) -> impl Stream<Item = String> {
        let probe = ctx.data_unchecked::<Arc<Probe>>().clone();
        let texts = stream::repeat_with(move || {
            probe.produced.fetch_add(1, SeqCst);
            "x".repeat(bytes)
        });
        watched(ctx, texts)
    }

    /// Opens when released.
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

/// A stream that is counted while it exists.
struct Watched<S> {
    inner: Pin<Box<S>>,
    probe: Arc<Probe>,
}

fn watched<S>(ctx: &Context<'_>, inner: S) -> Watched<S> {
    let probe = ctx.data_unchecked::<Arc<Probe>>().clone();
    probe.live.fetch_add(1, SeqCst);
    Watched { inner: Box::pin(inner), probe }
}

impl<S: Stream> Stream for Watched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.probe.live.fetch_sub(1, SeqCst);
    }
}
