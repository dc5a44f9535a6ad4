//! An update is executed once for all subscribers with the same selection.

use std::sync::Arc;

use futures_util::{StreamExt, future::join_all, poll, stream::BoxStream};
use orderwire::{
    domain::{UserRole, Viewer},
    graphql::{ExecutionResult, ResultBody},
};
use serde_json::{Value, json, value::RawValue};

use crate::support::{
    api::{TestApi, error_codes, next},
    wait_until,
    ws::TIMEOUT,
};

on_each_engine! {
    storage_calls_do_not_grow_with_the_number_of_subscribers
    subscribers_with_the_same_selection_get_the_same_bytes
    resumed_subscribers_share_updates_with_live_ones
    a_subscription_continues_from_a_query_without_a_gap
    a_subscription_must_select_exactly_one_field
}

const NESTED: &str = "subscription ($after: EventCursor, $tasks: Int) { orderUpdates(after: $after) { cursor order {
    number customer { name email } items { product { name } } tasks(first: $tasks) { nodes { title } } } } }";
const EVENTS: usize = 5;

/// Creates a product; returns a staff viewer, a customer and the product's id.
async fn shop(api: &TestApi) -> (Viewer, Viewer, Value) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let customer = api.viewer("customer", UserRole::Customer).await;
    let product = json!({ "sku": "SKU", "name": "Lamp", "price": "1.25", "stock": 1000 });
    let product = api.product(staff, product).await;
    (staff, customer, product)
}

async fn place(api: &TestApi, customer: Viewer, product: &Value, key: &str) {
    let document = "mutation ($product: ID!, $key: String!) { placeOrder(input: {
        items: [{ productId: $product, quantity: 1 }], idempotencyKey: $key }) { order { id } } }";
    let placed = api.data(customer, document, json!({ "product": product, "key": key })).await;
    assert!(placed["placeOrder"]["order"]["id"].is_string(), "{placed}");
}

/// Opens a subscription per viewer and polls each once, so that all are active.
async fn open(
    api: &TestApi,
    viewers: impl IntoIterator<Item = Viewer>,
    variables: Value,
) -> Vec<BoxStream<'static, ExecutionResult>> {
    let mut streams: Vec<_> =
        viewers.into_iter().map(|viewer| api.answers(viewer, NESTED, variables.clone())).collect();
    for stream in &mut streams {
        assert!(poll!(stream.next()).is_pending());
    }
    streams
}

fn written(answer: ExecutionResult) -> Arc<RawValue> {
    match answer.body {
        ResultBody::Json(json) => json,
        ResultBody::Response(response) => panic!("{:?}", error_codes(&response)),
    }
}

/// Counts the storage calls for `EVENTS` events that go to `subscribers` subscribers.
async fn calls_for(api: &TestApi, subscribers: usize, (staff, customer, product): &(Viewer, Viewer, Value)) -> u64 {
    let mut streams = open(api, vec![*staff; subscribers], json!({})).await;
    let mut calls = 0;
    for event in 0..EVENTS {
        place(api, *customer, product, &format!("{subscribers} {event}")).await;
        api.all_storage_calls();
        join_all(streams.iter_mut().map(next)).await;
        let made = api.all_storage_calls();
        let log_reads = made.get("read_log").copied().unwrap_or_default();
        assert!(log_reads <= 10, "every subscriber reads the log: {made:?}");
        calls += made.values().sum::<u64>()
            - log_reads
            - ["log_state", "catch_up_log", "backlog"]
                .map(|polled| made.get(polled).copied().unwrap_or_default())
                .iter()
                .sum::<u64>();
    }
    calls
}

async fn storage_calls_do_not_grow_with_the_number_of_subscribers(api: TestApi) {
    let shop = shop(&api).await;
    let alone = calls_for(&api, 1, &shop).await;
    let many = calls_for(&api, 200, &shop).await;
    // One call each for customer, product and tasks.
    assert_eq!((alone, many), (3 * EVENTS as u64, 3 * EVENTS as u64));
}

async fn subscribers_with_the_same_selection_get_the_same_bytes(api: TestApi) {
    let (staff, customer, product) = shop(&api).await;
    let colleague = api.viewer("colleague", UserRole::Staff).await;
    let mut streams = open(&api, [staff, colleague, customer], json!({ "tasks": 1 })).await;
    streams.extend(open(&api, [staff], json!({ "tasks": 2 })).await);
    place(&api, customer, &product, "first").await;
    let bytes: Vec<_> = join_all(streams.iter_mut().map(next)).await.into_iter().map(written).collect();
    assert!(Arc::ptr_eq(&bytes[0], &bytes[1]), "staff see alike");
    assert!(!Arc::ptr_eq(&bytes[0], &bytes[2]), "a customer's rights are their own");
    assert!(!Arc::ptr_eq(&bytes[0], &bytes[3]), "another variable, another result");
}

async fn resumed_subscribers_share_updates_with_live_ones(api: TestApi) {
    let (staff, customer, product) = shop(&api).await;
    let mut stayed = open(&api, [staff], json!({})).await.remove(0);
    place(&api, customer, &product, "first").await;
    let first = next(&mut stayed).await;
    let cursor = first.cursor.expect("a cursor").to_string();
    let update: Value = serde_json::from_str(written(first).get()).unwrap();
    assert_eq!(update["data"]["orderUpdates"]["cursor"], cursor);
    place(&api, customer, &product, "second").await;
    let mut back = api.answers(staff, NESTED, json!({ "after": cursor }));
    let [missed, live] = [next(&mut back).await, next(&mut stayed).await].map(written);
    assert!(Arc::ptr_eq(&missed, &live));
}

async fn a_subscription_continues_from_a_query_without_a_gap(api: TestApi) {
    let (staff, customer, product) = shop(&api).await;
    let read = "{ eventCursor orders { nodes { number } } }";
    let nothing = api.data(staff, read, json!({})).await;
    assert_eq!(nothing["orders"]["nodes"], json!([]));
    place(&api, customer, &product, "first").await;
    api.store.catch_up_log().await.unwrap();
    let head = api.store.log_state().await.unwrap().head;
    wait_until("the node knows of the order", TIMEOUT, async || api.service.head().seq() >= Some(head)).await;
    let one = api.data(staff, read, json!({})).await;
    place(&api, customer, &product, "second").await;
    for (begun, updates) in [(&nothing, 2), (&one, 1)] {
        let mut stream = api.answers(staff, NESTED, json!({ "after": begun["eventCursor"] }));
        for _ in 0..updates {
            written(next(&mut stream).await);
        }
        assert!(poll!(stream.next()).is_pending(), "{begun}");
    }
    assert_eq!(api.codes(Viewer::Anonymous, "{ eventCursor }", json!({})).await, ["UNAUTHENTICATED"]);
}

async fn a_subscription_must_select_exactly_one_field(api: TestApi) {
    let (staff, ..) = shop(&api).await;
    let document = "subscription { a: orderUpdates { cursor } b: taskUpdates { cursor } }";
    let mut stream = api.stream(staff, document, json!({}));
    let refusal = next(&mut stream).await;
    assert_eq!(error_codes(&refusal), ["BAD_USER_INPUT"]);
    assert!(refusal.errors[0].message.contains("only one top level field"), "{:?}", refusal.errors);
    assert!(stream.next().await.is_none());
}
