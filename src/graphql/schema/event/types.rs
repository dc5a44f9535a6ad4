//! The GraphQL types of entries of the event log.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};

use super::entity::EventEntity;
use crate::{
    domain::{self, Entity, EventId, LogId, Scope, Viewer},
    graphql::{
        engine::{
            error::ApiResult,
            json::{DirectJson, json_enum, json_object},
        },
        schema::{
            loaders::load_entity,
            order::{Order, OrderStatus},
            product::Product,
            request_context::RequestContext,
            scalars::{DateTime, EventCursor},
            task::Task,
            user::{self, User},
        },
    },
};

/// What happened to which kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::EventType")]
pub enum EventKind {
    /// A customer placed an order.
    OrderPlaced,
    /// The status of an order changed.
    OrderStatusChanged,
    /// Something else of an order changed.
    OrderUpdated,
    /// A product is new.
    ProductCreated,
    /// A product changed, in more than its stock.
    ProductUpdated,
    /// Nothing but the stock of a product changed.
    StockChanged,
    /// A product went off sale.
    ProductArchived,
    /// A task is new.
    TaskCreated,
    /// A task changed.
    TaskUpdated,
    /// A task is gone; the event has its last state.
    TaskDeleted,
    /// A user has an account.
    UserRegistered,
    /// A user changed.
    UserUpdated,
    /// A user was deleted, and is anonymous since.
    UserDeleted,
}

json_enum!(EventKind);

/// A change of an order, a product, a task or a user, as the event log has it.
#[derive(Clone)]
pub struct Event {
    log: LogId,
    event: Arc<domain::Event>,
    kind: domain::EventType,
}

impl Event {
    /// The entry of this log; `None` for one that only Orderwire itself reads.
    pub fn new(log: LogId, event: Arc<domain::Event>) -> Option<Self> {
        Some(Self { log, kind: event.event_type()?, event })
    }

    /// The cursor after the entry.
    pub(super) fn position(&self) -> domain::EventCursor {
        domain::EventCursor::after(self.log, self.event.seq)
    }

    fn id_of_entity(&self) -> String {
        match &self.event.entity {
            Entity::Order(order) => order.id.to_string(),
            Entity::Task(task) => task.id.to_string(),
            Entity::Product(product) => product.id.to_string(),
            Entity::User(user) => user.id.to_string(),
            Entity::Rights(change) => change.user.to_string(),
        }
    }
}

json_object! {
    /// A change of an order, a product, a task or a user, as the event log has it.
    #[Object]
    Event as this {
        /// Globally unique id; the same whenever and wherever the event is read.
        id: ID = ID(this.event.id.to_string());

        /// The event's place in the log: `after` it, lists and subscriptions go on with the next event.
        cursor: EventCursor = EventCursor(this.position());

        /// What happened.
        kind: EventKind = this.kind.into();

        /// Id of the order, product, task or user.
        entity_id: ID = ID(this.id_of_entity());

        /// The order, product or task as it was right after the change; null when it does not exist for the viewer. Of users the
        /// log keeps no more than the version, so this is the user as they are now.
        async fn entity(&self, context: &Context<'_>) -> ApiResult<Option<EventEntity>> {
            let viewer = RequestContext::get(context).viewer();
            Ok(match &self.event.entity {
                Entity::Order(order) => {
                    viewer.sees_order(order).then(|| EventEntity::Order(Order(order.clone())))
                }
                Entity::Task(task) => viewer.sees_task(task).then(|| EventEntity::Task(Task(task.clone()))),
                Entity::Product(product) => {
                    viewer.sees_product(product).then(|| EventEntity::Product(Product(product.clone())))
                }
                Entity::User(user) => {
                    user::visible(context, Some(user.id)).await?.map(|DirectJson(user)| EventEntity::User(user))
                }
                Entity::Rights(_) => None,
            })
        }

        /// Version of the entity after the change.
        version: i32 = this.event.entity.version();

        /// For an order whose status changed: the status before.
        previous_status: Option<OrderStatus> = this.event.previous_status.map(OrderStatus::from);

        /// Who made the change; null for the system, and for people the viewer may not see.
        async fn actor(&self, context: &Context<'_>) -> ApiResult<Option<DirectJson<User>>> {
            user::visible(context, self.event.actor).await
        }

        /// When the change was made.
        occurred_at: DateTime = DateTime(this.event.occurred_at);
    }
}

load_entity!(EventId => domain::Event, events_by_ids);

/// The entry of the log with this id.
pub(super) async fn load(request: &RequestContext, id: EventId) -> ApiResult<Option<Event>> {
    Ok(request.load(id).await?.and_then(|event| Event::new(request.head.log, event)))
}

/// The entry of the log with this id, if the viewer may see it.
pub(crate) async fn visible(request: &RequestContext, id: EventId) -> ApiResult<Option<Event>> {
    let viewer = request.viewer();
    if viewer != Viewer::Anonymous && !viewer.may(Scope::ReadEvents) {
        return Ok(None);
    }
    load(request, id).await
}
