//! Nested queries make a handful of storage calls, independent of the number of entities.

use std::collections::BTreeSet;

use orderwire::domain::{Delivery, DeliveryId, Timestamp, UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::api::{TestApi, error_codes, next};

on_each_engine! {
    nested_queries_stay_within_their_storage_call_budget
    a_subscription_event_stays_within_its_storage_call_budget
    aliases_of_one_list_share_a_storage_call
    events_by_their_ids_take_one_storage_call_however_many_they_are
    only_selected_parts_of_a_list_are_read_and_counted
}

const CUSTOMERS: usize = 4;
const ORDERS_EACH: usize = 5;
const PRODUCTS: usize = 20;

/// Creates 4 customers with 5 orders each; every order has 20 products and 2 tasks. Returns a staff viewer.
async fn shop(api: &TestApi) -> Viewer {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let mut products = Vec::new();
    for number in 0..PRODUCTS {
        let input = json!({ "sku": format!("SKU{number}"), "name": format!("Product {number}"), "price": "1.25", "stock": 1000 });
        products.push(api.product(staff, input).await);
    }
    let items: Vec<Value> = products.iter().map(|id| json!({ "productId": id, "quantity": 2 })).collect();
    for number in 0..CUSTOMERS {
        let customer = api.viewer(&format!("customer{number}"), UserRole::Customer).await;
        for order in 0..ORDERS_EACH {
            let input = json!({ "items": items, "idempotencyKey": format!("key {order}") });
            let placed = api
                .data(customer, "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id } userErrors { message } } }", json!({ "input": input }))
                .await;
            let id = &placed["placeOrder"]["order"]["id"];
            for task in ["pack", "ship"] {
                let input =
                    json!({ "title": task, "orderId": id, "assigneeId": customer.user_id().unwrap().to_string() });
                api.data(staff, "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } userErrors { message } } }", json!({ "input": input }))
                    .await;
            }
        }
    }
    staff
}

/// Counts the objects within `value` that have a field `name`.
fn count(value: &Value, name: &str) -> usize {
    match value {
        Value::Object(fields) => {
            usize::from(fields.contains_key(name)) + fields.values().map(|value| count(value, name)).sum::<usize>()
        }
        Value::Array(values) => values.iter().map(|value| count(value, name)).sum(),
        _ => 0,
    }
}

async fn nested_queries_stay_within_their_storage_call_budget(api: TestApi) {
    let staff = shop(&api).await;
    let task_id = "{ tasks(first: 1) { nodes { id } } }";
    let task = api.data(staff, task_id, json!({})).await["tasks"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    // (maximum of storage calls, field that the response must have, how often, query)
    let table: &[(u64, &str, usize, String)] = &[
        (5, "unitPrice", 400, "{ orders(first: 20) { nodes { id customer { name } items { quantity unitPrice { amount } product { sku price { amount currencyCode } } } tasks { nodes { title } } } } }".into()),
        (1, "number", 20, "{ orders { nodes { number total { amount } items { sku lineTotal { amount } } history { to } } } }".into()),
        (2, "email", 20, "{ orders { edges { cursor node { customer { email } } } } }".into()),
        (2, "number", 20, "{ users(filter: { role: CUSTOMER }) { nodes { name orders(first: 5) { nodes { number } } } } }".into()),
        (4, "price", 400, "{ users { nodes { orders(first: 5) { nodes { items { product { price { amount } } } tasks { nodes { id } } } } } } }".into()),
        (4, "totalCount", 6, "{ users { totalCount nodes { orders(first: 1) { totalCount } } } }".into()),
        (4, "title", 60, "{ tasks(first: 20) { nodes { title order { number tasks { nodes { title } } } } } }".into()),
        (5, "name", 60, "{ tasks(first: 20) { nodes { createdBy { name } assignee { name } order { customer { name orders(first: 1) { nodes { id } } } } } } }".into()),
        (2, "lastOnes", 4, "{ users(filter: { role: CUSTOMER }) { nodes { lastOnes: orders(last: 2, orderBy: { field: TOTAL, direction: ASC }) { nodes { number } } } } }".into()),
        (2, "actor", 20, "{ orders { nodes { history { actor { email } } } } }".into()),
        (4, "sku", 20, format!("{{ task(id: {task:?}) {{ order {{ customer {{ name }} items {{ product {{ sku }} }} }} }} }}")),
        (5, "tasks", 25, "{ orders { nodes { tasks(first: 1) { totalCount } tasks2: tasks(filter: { status: [TODO] }) { nodes { id } } customer { name } } } users { nodes { tasks { nodes { id } } } } }".into()),
    ];
    let mut over = Vec::new();
    for (budget, field, times, query) in table {
        api.storage_calls();
        let data = api.data(staff, query, json!({})).await;
        let (calls, which) = api.storage_calls();
        assert_eq!(count(&data, field), *times, "{query}: {data}");
        if calls > *budget {
            over.push(format!("{calls} calls instead of {budget}: {query}\n  {which}"));
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}

async fn a_subscription_event_stays_within_its_storage_call_budget(api: TestApi) {
    let staff = shop(&api).await;
    let document = "subscription { orderUpdates { kind order { number customer { name } items { product { sku } } tasks { nodes { title } } } } }";
    let mut updates = api.stream(staff, document, json!({}));
    let order =
        api.data(staff, "{ orders(first: 1) { nodes { id } } }", json!({})).await["orders"]["nodes"][0]["id"].clone();
    // Polling once starts the subscription before the change.
    assert!(futures_util::poll!(futures_util::StreamExt::next(&mut updates)).is_pending());
    let change = "mutation ($input: UpdateOrderStatusInput!) { updateOrderStatus(input: $input) { order { status } } }";
    for status in ["CONFIRMED", "SHIPPED"] {
        let input = json!({ "orderId": order, "status": status });
        api.data(staff, change, json!({ "input": input })).await;
        api.storage_calls();
        let response = next(&mut updates).await;
        assert_eq!(error_codes(&response), Vec::<String>::new());
        let update = response.data.into_json().unwrap();
        assert_eq!(count(&update, "sku"), PRODUCTS, "{update}");
        let (calls, which) = api.storage_calls();
        // One call each for customer, products and tasks; the event carries the order itself.
        assert_eq!(calls, 3, "{which}");
    }
}

async fn aliases_of_one_list_share_a_storage_call(api: TestApi) {
    let staff = shop(&api).await;
    api.storage_calls();
    let query = "{ a: orders(first: 1) { nodes { id } } b: orders(last: 1) { nodes { id } } c: orders(first: 3, filter: { status: [PENDING] }) { nodes { id } } }";
    let data = api.data(staff, query, json!({})).await;
    let ids: BTreeSet<String> = [&data["a"], &data["b"]].map(|list| list["nodes"][0]["id"].to_string()).into();
    assert_eq!((ids.len(), data["c"]["nodes"].as_array().unwrap().len()), (2, 3));
    assert_eq!(api.storage_calls().0, 1);
}

async fn events_by_their_ids_take_one_storage_call_however_many_they_are(api: TestApi) {
    let staff = shop(&api).await;
    let events = "{ events(first: 100) { nodes { id } } }";
    let events = api.data(staff, events, json!({})).await["events"]["nodes"].as_array().unwrap().clone();
    let ids: Vec<Value> = events.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids.len(), 100);
    let webhook = api.new_webhook().await.id;
    // Two attempts of each event.
    let delivery = |number: i64| {
        let at = Timestamp::from_unix_millis(number);
        let event = ids[number as usize / 2].as_str().unwrap().parse().unwrap();
        let id = DeliveryId::derived(at, "test", &number.to_string());
        let (status, error, next_attempt_at) = (Some(200), None, None);
        Delivery { id, webhook, event, attempt: 1, status, duration_ms: 1, error, at, next_attempt_at }
    };
    api.store.insert_deliveries(&(0..120).map(delivery).collect::<Vec<_>>()).await.unwrap();
    let deliveries = "query ($webhook: ID!, $first: Int) { webhook(id: $webhook) {
        deliveries(first: $first) { nodes { event { id kind } } } } }";
    let nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Event { kind } } }";
    let each =
        "query ($ids: [ID!]!, $one: ID!, $other: ID!) { one: event(id: $one) { kind } other: event(id: $other) { kind }
        node(id: $one) { ... on Event { kind } } nodes(ids: $ids) { ... on Event { kind } } }";
    for size in [5, 100] {
        // The webhook, its attempts and their events.
        for (budget, found, query) in [(3, size, deliveries), (1, size, nodes), (1, size + 3, each)] {
            let variables = json!({ "ids": ids[..size], "webhook": webhook.to_string(), "first": size,
                "one": ids[0], "other": ids[99] });
            api.storage_calls();
            let data = api.data(staff, query, variables).await;
            let (calls, which) = api.storage_calls();
            assert_eq!(count(&data, "kind"), found, "{query}: {data}");
            assert_eq!(calls, budget, "{size} events, {query}: {which}");
        }
    }
}

async fn only_selected_parts_of_a_list_are_read_and_counted(api: TestApi) {
    let staff = shop(&api).await;
    api.storage_calls();
    api.data(staff, "{ orders { nodes { id } pageInfo { hasNextPage hasPreviousPage } } }", json!({})).await;
    let (calls, which) = api.storage_calls();
    assert_eq!(calls, 1, "nothing is counted unless it is selected: {which}");
    let query = "query ($all: Boolean!) { orders { totalCount @include(if: $all) nodes { ...Lines @include(if: $all) } } } fragment Lines on Order { items { sku } history { to } }";
    let data = api.data(staff, query, json!({ "all": true })).await;
    assert_eq!((count(&data, "sku"), count(&data, "to")), (400, 20));
    assert_eq!(data["orders"]["totalCount"], 20);
}
