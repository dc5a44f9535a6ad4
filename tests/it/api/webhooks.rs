//! Webhooks against receivers that are real HTTP servers: what each has recorded, put together by id, is the log in its order.

mod control;
mod delivery;
mod documents;
mod receiver;
mod refused;

use std::{sync::Arc, time::Duration};

use orderwire::{
    domain::{EventFilter, EventId, EventType, LogFilter, Viewer},
    service::consumers::{ConsumerOptions, Consumers},
};
use serde_json::{Value, json};

use crate::support::api::TestApi;
use receiver::Receiver;

const SOON: Duration = Duration::from_secs(40);

fn run(api: &TestApi) -> Consumers {
    let service = api.service.clone();
    let options = ConsumerOptions {
        lease: Duration::from_secs(4),
        lease_every: Duration::from_millis(50),
        longest_delivery: Duration::from_millis(2500),
        most: 100,
        without: Vec::new(),
    };
    Consumers::start(&api.service, Arc::new(move |consumer| service.open_sink(consumer)), options)
}

const CREATE: &str = "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) {
    webhook { id status cursor version } secret userErrors { code field message } } }";
const ALL: [&str; 10] = [
    "ORDER_PLACED",
    "ORDER_STATUS_CHANGED",
    "ORDER_UPDATED",
    "PRODUCT_CREATED",
    "PRODUCT_UPDATED",
    "STOCK_CHANGED",
    "PRODUCT_ARCHIVED",
    "TASK_CREATED",
    "TASK_UPDATED",
    "TASK_DELETED",
];

/// Makes a webhook of these kinds; returns its id and its secret.
async fn create(api: &TestApi, admin: Viewer, receiver: &Receiver, kinds: &[&str]) -> (String, String) {
    let input = json!({ "url": receiver.url(), "kinds": kinds });
    let made = api.data(admin, CREATE, json!({ "input": input })).await["createWebhook"].clone();
    assert_eq!(made["userErrors"], json!([]));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["webhook"]["id"]), text(&made["secret"]))
}

async fn webhook(api: &TestApi, viewer: Viewer, id: &str) -> Value {
    let fields = "id url description kinds status lag consecutiveFailures lastError version
        deliveries(first: 100) { nodes { event { id } attempt status error nextAttemptAt } pageInfo { hasNextPage } }";
    let query = format!("query ($id: ID!) {{ webhook(id: $id) {{ {fields} }} }}");
    api.data(viewer, &query, json!({ "id": id })).await["webhook"].clone()
}

async fn change(api: &TestApi, admin: Viewer, document: &str, variables: Value) -> Value {
    let answer = api.data(admin, document, variables).await;
    let payload = answer.as_object().unwrap().values().next().unwrap().clone();
    assert_eq!(payload["userErrors"], json!([]), "{document}");
    payload
}

/// Makes products, sells one and works on tasks: some entries for each number.
async fn trade(api: &TestApi, staff: Viewer, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let product = json!({ "sku": format!("p{number}"), "name": "Lamp «ä»", "price": "1.5", "stock": 3 });
        let product = api.product(staff, product).await;
        let order = "mutation ($id: ID!, $key: String!) { placeOrder(input: { items: [{ productId: $id, quantity: 1 }], idempotencyKey: $key }) { order { id } } }";
        api.data(staff, order, json!({ "id": product, "key": format!("key {number}") })).await;
        api.data(staff, "mutation { createTask(input: { title: \"T\" }) { task { id } } }", json!({})).await;
    }
}

/// The ids of the entries of these kinds after a number of the log.
async fn logged(api: &TestApi, after: i64, kinds: &[&str]) -> Vec<EventId> {
    api.store.catch_up_log().await.unwrap();
    let types = kinds.iter().map(|kind| kind.parse::<EventType>().unwrap()).collect();
    let filter = EventFilter { types: Some(types), entity: None };
    let page = api.store.read_log(after, LogFilter::ALL, 10_000).await.unwrap();
    page.events.iter().filter(|event| filter.matches(event)).map(|event| event.id).collect()
}

async fn head(api: &TestApi) -> i64 {
    api.store.catch_up_log().await.unwrap();
    api.store.log_state().await.unwrap().head
}
