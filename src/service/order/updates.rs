//! Live updates of orders.

use std::sync::Arc;

use super::super::{
    Result, Service, ServiceError, Update, access,
    live::{Start, UpdateKind, UpdateStream, topic},
};
use crate::domain::{Entity, EntityKind, Event, EventCursor, Order, OrderId, Scope, UserId, Viewer};

impl Service {
    /// Updates of orders: the viewer's own, or as staff all, one customer's or one order's.
    pub async fn order_updates(
        self: &Arc<Self>,
        viewer: Viewer,
        order: Option<OrderId>,
        customer: Option<UserId>,
        after: Option<EventCursor>,
    ) -> Result<impl UpdateStream<Item = Result<Update<Arc<Order>>>> + Send + use<>> {
        access::require_own_or(&viewer, Scope::ReadOrders)?;
        if customer.is_some_and(|customer| !viewer.may(Scope::ReadOrders) && !viewer.is(customer)) {
            return Err(ServiceError::NotFound("no such customer"));
        }
        let wanted =
            move |order: &Order| viewer.sees_order(order) && customer.is_none_or(|customer| order.customer == customer);
        let topic = topic(EntityKind::Order, order.map(|order| order.ulid()), customer.or(viewer.own()));
        let start = match (after, order) {
            (Some(cursor), _) => self.start_after(cursor).await?,
            (None, None) => Start::Now,
            (None, Some(id)) => {
                let snapshot = self.snapshot(topic, id.ulid(), async || {
                    let order = self.orders(&viewer, &[id]).await?.pop().flatten().filter(|order| wanted(order));
                    Ok(order.map(|order| (order.version, order.updated_at, Arc::new(order))))
                });
                snapshot.await?.ok_or(ServiceError::NotFound("no such order"))?
            }
        };
        Ok(self.updates(topic, start, move |event: &Event| match &event.entity {
            Entity::Order(order) if wanted(order) => Some((UpdateKind::Event(event.kind), order.clone())),
            _ => None,
        }))
    }
}
