//! What leaves the server of an event, by webhooks and by brokers: the fields of the GraphQL type `Event` as staff see them, with
//! people by their ids and without private metadata.

use serde_json::{Value, json};

use crate::domain::{
    CurrencyCode, Decimal, Entity, Event, EventCursor, EventType, MetadataItems, Order, OrderItem, Product, Task,
};

/// The event as JSON.
pub(super) fn data(event: &Event, kind: EventType, cursor: EventCursor) -> Value {
    json!({
        "id": event.id.to_string(),
        "cursor": cursor.to_string(),
        "kind": kind.as_str(),
        "entityId": entity_id(&event.entity),
        "entity": entity(&event.entity),
        "version": event.entity.version(),
        "previousStatus": event.previous_status.map(|status| status.as_str()),
        "actorId": event.actor.map(|actor| actor.to_string()),
        "occurredAt": event.occurred_at.to_string(),
    })
}

/// The name of a kind of event outside of the API: `order.status_changed`.
pub(super) fn event_name(kind: EventType) -> String {
    kind.as_str().to_ascii_lowercase().replacen('_', ".", 1)
}

/// The id of what an event is about.
pub(super) fn entity_id(entity: &Entity) -> String {
    match entity {
        Entity::Order(order) => order.id.to_string(),
        Entity::Task(task) => task.id.to_string(),
        Entity::Product(product) => product.id.to_string(),
        Entity::User(user) => user.id.to_string(),
        Entity::Rights(change) => change.user.to_string(),
    }
}

/// The entity right after the change. Of users, the log has no more than the version.
fn entity(entity: &Entity) -> Value {
    match entity {
        Entity::Order(order) => of_order(order),
        Entity::Task(task) => of_task(task),
        Entity::Product(product) => of_product(product),
        Entity::User(_) | Entity::Rights(_) => Value::Null,
    }
}

fn money(amount: Decimal, currency: CurrencyCode) -> Value {
    json!({ "amount": amount.to_string(), "currencyCode": currency.as_str() })
}

fn items(items: &MetadataItems) -> Vec<Value> {
    items.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn of_order(order: &Order) -> Value {
    let item = |item: &OrderItem| {
        json!({
            "productId": item.product.to_string(),
            "sku": item.sku,
            "name": item.name,
            "quantity": item.quantity,
            "unitPrice": money(item.unit_price, order.currency),
            "lineTotal": money(item.line_total, order.currency),
        })
    };
    json!({
        "id": order.id.to_string(),
        "number": order.number,
        "region": order.region,
        "customerId": order.customer.to_string(),
        "items": order.items.iter().map(item).collect::<Vec<_>>(),
        "total": money(order.total, order.currency),
        "status": order.status.as_str(),
        "paymentReference": order.payment_reference,
        "metadata": items(&order.metadata.public),
        "version": order.version,
        "placedAt": order.placed_at.to_string(),
        "createdAt": order.created_at.to_string(),
        "updatedAt": order.updated_at.to_string(),
    })
}

fn of_product(product: &Product) -> Value {
    json!({
        "id": product.id.to_string(),
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "price": money(product.price, product.currency),
        "stock": product.stock,
        "status": product.status.as_str(),
        "tags": product.tags,
        "metadata": items(&product.metadata.public),
        "version": product.version,
        "createdAt": product.created_at.to_string(),
        "updatedAt": product.updated_at.to_string(),
    })
}

fn of_task(task: &Task) -> Value {
    json!({
        "id": task.id.to_string(),
        "title": task.title,
        "description": task.description,
        "status": task.status.as_str(),
        "priority": task.priority.as_str(),
        "createdById": task.created_by.to_string(),
        "assigneeId": task.assignee.map(|assignee| assignee.to_string()),
        "orderId": task.order.map(|order| order.to_string()),
        "dueAt": task.due_at.map(|due| due.to_string()),
        "metadata": items(&task.metadata.public),
        "version": task.version,
        "createdAt": task.created_at.to_string(),
        "updatedAt": task.updated_at.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_are_the_kinds_with_a_point() {
        let names: Vec<String> = EventType::ALL.into_iter().map(event_name).collect();
        for name in ["order.placed", "order.status_changed", "stock.changed", "product.archived", "user.deleted"] {
            assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
        }
    }
}
