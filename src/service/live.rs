//! Live updates: what a subscriber is sent, and when.
//!
//! Rights are decided for each event, with the event's own state of the entity. A subscription to one entity begins
//! with a snapshot whose cursor is exact: the snapshot holds every change up to the cursor and none after it.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::{Stream, StreamExt, stream};
use ulid::Ulid;

use super::{
    Result, Service, ServiceError, access,
    feed::{self, FeedError, StartAt, Topic},
};
use crate::domain::{
    Entity, EntityKind, Event, EventCursor, EventKind, Order, OrderId, OrderStatus, Product, ProductId, Seq, Task,
    TaskId, Timestamp, UserId, Viewer,
};

/// Most products of one stock subscription.
const MAX_PRODUCTS: usize = 100;
/// Entries looked at between a snapshot's cursor and its state. More changes of one entity than that, while it is
/// being read, would need as many commits within one read.
const SNAPSHOT_LOOKAHEAD: u32 = 1000;

/// What a message of a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateKind {
    /// The state when the subscription began.
    Snapshot,
    /// An entry of the event log.
    Event(EventKind),
}

/// A message of a subscription.
#[derive(Debug, Clone)]
pub struct Update<T> {
    /// Resume after this to get what comes next.
    pub cursor: EventCursor,
    /// Whether it is a snapshot or an event, and which.
    pub kind: UpdateKind,
    /// For an order whose status changed: the status before.
    pub previous_status: Option<OrderStatus>,
    /// The entity as it was then.
    pub entity: Arc<T>,
    /// When the change was made.
    pub occurred_at: Timestamp,
}

/// Where a subscription begins.
enum Start<T> {
    /// With what happens from now on.
    Now,
    /// With the entries after this one.
    After(Seq),
    /// With the state of an entity, which contains all its entries up to `seq`, and what comes after.
    Snapshot { seq: Seq, entity: Arc<T>, changed_at: Timestamp },
}

impl Service {
    /// The cursor of an entry of the log.
    pub fn cursor(&self, seq: Seq) -> EventCursor {
        EventCursor { log: self.feed.log_id(), seq }
    }

    /// The cursor of the newest entry that this node knows of.
    pub fn head(&self) -> EventCursor {
        self.cursor(self.feed.head())
    }

    /// A cursor of the event log, for viewers who can go on after it.
    pub fn event_cursor(&self, viewer: &Viewer, cursor: EventCursor) -> Result<EventCursor> {
        access::require_user(viewer)?;
        Ok(cursor)
    }

    /// Updates of orders: the viewer's own, or as staff all, one customer's or one order's.
    pub async fn order_updates(
        self: &Arc<Self>,
        viewer: Viewer,
        order: Option<OrderId>,
        customer: Option<UserId>,
        after: Option<EventCursor>,
    ) -> Result<impl Stream<Item = Result<Update<Order>>> + Send + use<>> {
        access::require_authenticated(&viewer)?;
        if customer.is_some_and(|customer| !viewer.sees_user(customer)) {
            return Err(ServiceError::NotFound("no such customer"));
        }
        let wanted =
            move |order: &Order| viewer.sees_order(order) && customer.is_none_or(|customer| order.customer == customer);
        let topic = topic(EntityKind::Order, order.map(|order| order.ulid()), customer.or(viewer.own()));
        let start = match (after, order) {
            (Some(cursor), _) => Start::After(self.position(cursor)?),
            (None, None) => Start::Now,
            (None, Some(id)) => {
                let snapshot = self.snapshot(topic, async || {
                    let order = self.orders(&viewer, &[id]).await?.pop().flatten().filter(|order| wanted(order));
                    Ok(order.map(|order| (order.version, order.updated_at, order)))
                });
                snapshot.await?.ok_or(ServiceError::NotFound("no such order"))?
            }
        };
        Ok(self.updates(topic, start, move |event: &Event| match &event.entity {
            Entity::Order(order) if wanted(order) => Some(order.clone()),
            _ => None,
        }))
    }

    /// Updates of tasks that the viewer may see: all of them, one task's or one assignee's.
    pub async fn task_updates(
        self: &Arc<Self>,
        viewer: Viewer,
        task: Option<TaskId>,
        assignee: Option<UserId>,
        after: Option<EventCursor>,
    ) -> Result<impl Stream<Item = Result<Update<Task>>> + Send + use<>> {
        access::require_authenticated(&viewer)?;
        let wanted = move |task: &Task| {
            viewer.sees_task(task) && assignee.is_none_or(|assignee| task.assignee == Some(assignee))
        };
        let topic = topic(EntityKind::Task, task.map(|task| task.ulid()), assignee.or(viewer.own()));
        let start = match (after, task) {
            (Some(cursor), _) => Start::After(self.position(cursor)?),
            (None, None) => Start::Now,
            (None, Some(id)) => {
                let snapshot = self.snapshot(topic, async || {
                    let task = self.tasks(&viewer, &[id]).await?.pop().flatten().filter(|task| wanted(task));
                    Ok(task.map(|task| (task.version, task.updated_at, task)))
                });
                snapshot.await?.ok_or(ServiceError::NotFound("no such task"))?
            }
        };
        Ok(self.updates(topic, start, move |event: &Event| match &event.entity {
            Entity::Task(task) if wanted(task) => Some(task.clone()),
            _ => None,
        }))
    }

    /// The current state of these products, then their newest state after each change. Products that the viewer may
    /// not see, or no longer, are left out.
    pub async fn stock_updates(
        self: &Arc<Self>,
        viewer: Viewer,
        ids: Vec<ProductId>,
    ) -> Result<impl Stream<Item = Result<Arc<Product>>> + Send + use<>> {
        if ids.is_empty() || ids.len() > MAX_PRODUCTS {
            return Err(ServiceError::BadInput(format!("productIds: name 1 to {MAX_PRODUCTS} products")));
        }
        // Live first, then the state: what changes in between is in both, and its version tells.
        let topics = ids.iter().map(|id| Topic::Entity(EntityKind::Product, id.ulid()));
        let live = self.feed.subscribe(topics, StartAt::Now);
        let mut current: Vec<Product> = self.products(&viewer, &ids).await?.into_iter().flatten().collect();
        if current.is_empty() {
            return Err(ServiceError::NotFound("no such products"));
        }
        let mut versions: HashMap<ProductId, i32> = HashMap::new();
        current.retain(|product| versions.insert(product.id, product.version).is_none());
        let service = self.clone();
        let changes = live.filter_map(move |event| {
            let update = match event {
                Ok(event) => match &event.entity {
                    Entity::Product(product) if viewer.sees_product(product) => {
                        // A product that the viewer could not see at the start has no version yet.
                        let is_newer = versions.get(&product.id).is_none_or(|seen| product.version > *seen);
                        is_newer.then(|| {
                            versions.insert(product.id, product.version);
                            Ok(product.clone())
                        })
                    }
                    _ => None,
                },
                Err(error) => Some(Err(service.feed_error(error))),
            };
            std::future::ready(update)
        });
        Ok(stream::iter(current.into_iter().map(|product| Ok(Arc::new(product)))).chain(changes))
    }

    /// The entity with the last log entry that it contains. `read` gives it with its version and last change.
    async fn snapshot<T>(
        &self,
        topic: Topic,
        read: impl AsyncFnOnce() -> Result<Option<(i32, Timestamp, T)>>,
    ) -> Result<Option<Start<T>>> {
        let before = self.store.log_state().await?.head;
        let Some((version, changed_at, entity)) = read().await? else { return Ok(None) };
        let since = self.store.read_log(before, topic.into(), SNAPSHOT_LOOKAHEAD).await?;
        let contained = since.events.iter().take_while(|event| event.entity.version() <= version).last();
        let seq = contained.map_or(before, |event| event.seq);
        Ok(Some(Start::Snapshot { seq, entity: Arc::new(entity), changed_at }))
    }

    /// The snapshot, if there is one, then the entries after it that `select` picks.
    fn updates<T, S>(self: &Arc<Self>, topic: Topic, start: Start<T>, select: S) -> Updates<T, S> {
        let (from, snapshot) = match start {
            Start::Now => (StartAt::Now, None),
            Start::After(seq) => (StartAt::After(seq), None),
            Start::Snapshot { seq, entity, changed_at } => {
                let cursor = self.cursor(seq);
                let snapshot = Update {
                    cursor,
                    kind: UpdateKind::Snapshot,
                    previous_status: None,
                    entity,
                    occurred_at: changed_at,
                };
                (StartAt::After(seq), Some(Box::new(snapshot)))
            }
        };
        Updates { service: self.clone(), snapshot, changes: self.feed.subscribe([topic], from), select }
    }

    /// The place in this deployment's log that a client's cursor stands for.
    fn position(&self, cursor: EventCursor) -> Result<Seq> {
        if cursor.log == self.feed.log_id() { Ok(cursor.seq) } else { Err(invalid_cursor()) }
    }

    fn feed_error(&self, error: FeedError) -> ServiceError {
        match error {
            FeedError::CursorExpired => ServiceError::CursorExpired,
            FeedError::InvalidCursor => invalid_cursor(),
            FeedError::TooSlow { last } => ServiceError::TooSlow(self.cursor(last)),
            // The reader goes on from there on another node, or on this one once it is back.
            FeedError::Unavailable { last } | FeedError::ShuttingDown { last } => {
                ServiceError::Unavailable(format!("the event log could not be read after {}", self.cursor(last)))
            }
        }
    }
}

/// The updates of one subscriber. Implemented by hand, because it is the hot path of every delivery.
struct Updates<T, S> {
    service: Arc<Service>,
    /// Boxed, since most of the time there is none.
    snapshot: Option<Box<Update<T>>>,
    changes: feed::Subscription,
    select: S,
}

impl<T, S: Fn(&Event) -> Option<Arc<T>> + Unpin> Stream for Updates<T, S> {
    type Item = Result<Update<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(snapshot) = self.snapshot.take() {
            return Poll::Ready(Some(Ok(*snapshot)));
        }
        loop {
            let event = match ready!(self.changes.poll_next_unpin(cx)) {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Poll::Ready(Some(Err(self.service.feed_error(error)))),
                None => return Poll::Ready(None),
            };
            if let Some(entity) = (self.select)(&event) {
                return Poll::Ready(Some(Ok(Update {
                    cursor: self.service.cursor(event.seq),
                    kind: UpdateKind::Event(event.kind),
                    previous_status: event.previous_status,
                    entity,
                    occurred_at: event.occurred_at,
                })));
            }
        }
    }
}

/// What a subscriber picks from: one entity, or else a user's, or all of the kind.
fn topic(kind: EntityKind, entity: Option<Ulid>, user: Option<UserId>) -> Topic {
    match (entity, user) {
        (Some(id), _) => Topic::Entity(kind, id),
        (None, Some(user)) => Topic::User(kind, user),
        (None, None) => Topic::Kind(kind),
    }
}

fn invalid_cursor() -> ServiceError {
    ServiceError::BadInput("after: not an event cursor of this server; pass one exactly as it was received".to_owned())
}
