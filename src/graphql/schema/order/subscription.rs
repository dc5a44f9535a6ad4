//! Live updates of orders.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt};

use super::{Order, OrderStatus};
use crate::{
    domain::{self, EventKind},
    graphql::{
        engine::{error::ApiError, live, resume::ResumeAfter},
        schema::{
            error::argument_id,
            request_context::RequestContext,
            scalars::{DateTime, EventCursor},
        },
    },
    service::{self, Update},
};

/// What a live update tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UpdateKind {
    /// The state when the subscription began.
    Snapshot,
    /// It was made.
    Created,
    /// Its status changed.
    StatusChanged,
    /// Something else of it changed.
    Updated,
    /// It is gone; this is its last state.
    Deleted,
    /// It left what the subscription may see or asks for, as a task does that is assigned to somebody else. The update has
    /// its id alone. Orders never leave.
    Left,
}

impl From<service::UpdateKind> for UpdateKind {
    fn from(kind: service::UpdateKind) -> Self {
        match kind {
            service::UpdateKind::Snapshot => Self::Snapshot,
            service::UpdateKind::Event(EventKind::Created) => Self::Created,
            service::UpdateKind::Event(EventKind::StatusChanged) => Self::StatusChanged,
            service::UpdateKind::Event(EventKind::Updated) => Self::Updated,
            service::UpdateKind::Event(EventKind::Deleted) => Self::Deleted,
            service::UpdateKind::Left => Self::Left,
        }
    }
}

/// A live update of an order.
#[derive(SimpleObject)]
pub struct OrderUpdate {
    /// Resume with this as `after` to get what comes next.
    cursor: EventCursor,
    /// What happened.
    kind: UpdateKind,
    /// The status before, when it changed.
    previous_status: Option<OrderStatus>,
    /// The order's id.
    order_id: ID,
    /// The order as it was right after the change.
    order: Order,
    /// When it happened.
    occurred_at: DateTime,
}

impl From<Update<Arc<domain::Order>>> for OrderUpdate {
    fn from(update: Update<Arc<domain::Order>>) -> Self {
        Self {
            cursor: EventCursor(update.cursor),
            kind: update.kind.into(),
            previous_status: update.previous_status.map(OrderStatus::from),
            order_id: ID(update.entity.id.to_string()),
            order: Order(update.entity),
            occurred_at: DateTime(update.occurred_at),
        }
    }
}

/// Subscriptions to orders.
#[derive(Default)]
pub struct OrderSubscription;

#[Subscription]
impl OrderSubscription {
    /// Every change of the viewer's orders; staff get all, one customer's, or one order's. With orderId the first
    /// message is a SNAPSHOT of that order. With after, every missed update since that cursor comes first, in order,
    /// then what happens from now on. Nothing is lost and nothing comes twice.
    async fn order_updates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only this order.")] order_id: Option<ID>,
        #[graphql(desc = "Only this customer's orders.")] customer_id: Option<ID>,
        #[graphql(desc = "Cursor of the last update that was received.")] after: Option<EventCursor>,
    ) -> Result<impl Stream<Item = OrderUpdate> + use<>, ApiError> {
        let request = RequestContext::get(context);
        let order = order_id.map(|id| argument_id("orderId", &id)).transpose()?;
        let customer = customer_id.map(|id| argument_id("customerId", &id)).transpose()?;
        let open = async move {
            let after = ResumeAfter::or(context, after.map(|cursor| cursor.0));
            Ok(request.service.order_updates(request.viewer(), order, customer, after).await?)
        };
        Ok(live::resolve(context, "orderUpdates", 0, open).await?.map(OrderUpdate::from))
    }
}
