//! What happens in a shop, and what its messages must say.

use orderwire::{
    domain::{Entity, Event, EventFilter, LogFilter, Viewer},
    storage::LogState,
};
use serde_json::{Value, json};

use super::Received;
use crate::support::api::TestApi;

/// Makes products, sells one of each, and works on tasks: seven events for each number.
pub async fn trade(api: &TestApi, staff: Viewer, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let product = json!({ "sku": format!("p{number}"), "name": "Lamp «ä»", "price": "1.5", "stock": 3 });
        let product = api.product(staff, product).await;
        let order = "mutation ($id: ID!, $key: String!) { placeOrder(input: { items: [{ productId: $id, quantity: 1 }], idempotencyKey: $key }) { order { id } } }";
        let order = api.data(staff, order, json!({ "id": product, "key": format!("key {number}") })).await;
        let order = order["placeOrder"]["order"]["id"].clone();
        for private in [false, true] {
            let metadata = "mutation ($id: ID!, $private: Boolean!) { updateMetadata(input: {
                id: $id, set: [{ key: \"erp\", value: \"4711\" }], private: $private }) { userErrors { message } } }";
            api.data(staff, metadata, json!({ "id": order, "private": private })).await;
        }
        let task = api.data(staff, "mutation { createTask(input: { title: \"T\" }) { task { id } } }", json!({})).await;
        let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
        api.data(staff, delete, json!({ "id": task["createTask"]["task"]["id"] })).await;
    }
}

/// The entries of the log that leave the server, in its order.
pub async fn logged(api: &TestApi) -> Vec<Event> {
    api.store.catch_up_log().await.unwrap();
    let LogState { head, .. } = api.store.log_state().await.unwrap();
    let (mut after, mut events) = (0, Vec::new());
    while after < head {
        let page = api.store.read_log(after, LogFilter::ALL, 500).await.unwrap();
        events.extend(page.events.into_iter().filter(|event| EventFilter::default().matches(event)));
        after = page.through;
    }
    events
}

/// Checks that each message is the CloudEvent of the entry at the same place.
pub fn assert_cloud_events(received: &[Received], events: &[Event], key: impl Fn(&Value) -> &Value) {
    let mut previous: Option<String> = None;
    let mut kinds = std::collections::BTreeSet::new();
    for (message, event) in received.iter().zip(events) {
        let body = &message.body;
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name} of {body}"));
        let kind = event.event_type().unwrap().as_str();
        assert_eq!(message.content_type, "application/cloudevents+json");
        assert_eq!(key(body), &json!(message.key));
        // The attributes that CloudEvents 1.0 requires, and those that it allows.
        assert_eq!((text("specversion"), text("id")), ("1.0", event.id.to_string().as_str()));
        assert_eq!(text("type"), kind.to_lowercase().replacen('_', ".", 1));
        assert!(text("source").starts_with("/orderwire/"), "{body}");
        assert_eq!(
            (text("subject"), text("time")),
            (entity_id(event).as_str(), event.occurred_at.to_string().as_str())
        );
        assert_eq!(text("datacontenttype"), "application/json");
        let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        assert!(body.as_object().unwrap().keys().all(is_name), "names of attributes: {body}");
        assert_eq!(body["previousid"].as_str(), previous.as_deref());
        previous = Some(event.id.to_string());
        let data = &body["data"];
        assert_eq!((&data["id"], &data["cursor"]), (&body["id"], &body["cursor"]));
        assert_eq!((&data["kind"], &data["entityId"]), (&json!(kind), &body["subject"]));
        assert_eq!((&data["version"], &data["occurredAt"]), (&json!(event.entity.version()), &body["time"]));
        assert_eq!(data["actorId"], json!(event.actor.map(|actor| actor.to_string())));
        assert_entity(&data["entity"], &event.entity);
        kinds.insert(kind);
    }
    assert!(kinds.len() >= 7, "{kinds:?}");
}

fn entity_id(event: &Event) -> String {
    match &event.entity {
        Entity::Order(order) => order.id.to_string(),
        Entity::Task(task) => task.id.to_string(),
        Entity::Product(product) => product.id.to_string(),
        Entity::User(user) => user.id.to_string(),
        Entity::Rights(_) => panic!("entries about rights never leave the server"),
    }
}

/// Checks what a message says of an entity: that it is the one of the entry, without what is private.
fn assert_entity(told: &Value, entity: &Entity) {
    match entity {
        Entity::Order(order) => {
            assert_eq!((&told["number"], &told["version"]), (&json!(order.number), &json!(order.version)));
            assert_eq!(told["total"]["amount"], order.total.to_string());
            assert_eq!(told["items"][0]["name"], order.items[0].name);
            let public: Vec<Value> =
                order.metadata.public.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
            assert_eq!((&told["metadata"], &told["privateMetadata"]), (&json!(public), &Value::Null));
        }
        Entity::Product(product) => {
            assert_eq!((&told["sku"], &told["stock"]), (&json!(product.sku), &json!(product.stock)))
        }
        Entity::Task(task) => {
            assert_eq!((&told["title"], &told["version"]), (&json!(task.title), &json!(task.version)))
        }
        Entity::User(_) | Entity::Rights(_) => assert_eq!(told, &Value::Null),
    }
}
