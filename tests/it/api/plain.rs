//! Results that are written as JSON directly equal those of the executor.

use std::collections::BTreeMap;

use async_graphql::{Response, parser::types::FieldDefinition};
use orderwire::domain::{UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::{
    api::TestApi,
    schema::{base_name, objects},
};

on_each_engine! {
    directly_written_fields_equal_the_executors
    directly_written_selections_equal_the_executors
}

/// Maximum depth of [`every_field`].
const LEVELS: usize = 4;

/// Creates an order and a task with texts that need escaping; returns a staff viewer.
async fn shop(api: &TestApi) -> Viewer {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let customer = api.viewer("customer", UserRole::Customer).await;
    let text = "\"quoted\" \\ / ☃ 🛒 </script>";
    let mut items = Vec::new();
    for (sku, description, price) in [("S\"1", Some("a\nb\tc"), "0.0001"), ("S2", None, "922337.5")] {
        let input = json!({ "sku": sku, "name": text, "description": description, "price": price, "stock": 1000, "tags": ["x\\y", "z"] });
        items.push(json!({ "productId": api.product(staff, input).await, "quantity": 3 }));
    }
    let place = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id } } }";
    let input = json!({ "items": items, "idempotencyKey": "k", "region": text, "paymentReference": text });
    let order = api.data(customer, place, json!({ "input": input })).await["placeOrder"]["order"]["id"].clone();
    let cancel = "mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) { order { id } } }";
    api.data(staff, cancel, json!({ "input": { "orderId": order, "reason": text } })).await;
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }";
    let assignee = customer.user_id().unwrap().to_string();
    for input in [
        json!({ "title": text, "description": "a\nb", "orderId": order, "assigneeId": assignee, "dueAt": "2026-01-31T09:30:00.001Z" }),
        json!({ "title": "bare" }),
    ] {
        api.data(staff, create, json!({ "input": input })).await;
    }
    staff
}

/// Selects all fields of a type that take no arguments, recursively.
fn every_field(types: &BTreeMap<String, Vec<FieldDefinition>>, name: &str, levels: usize) -> String {
    let mut text = "{ __typename ".to_owned();
    for field in types[name].iter().filter(|field| field.arguments.is_empty()) {
        let below = base_name(&field.ty.node.base);
        match types.contains_key(below) {
            false => text += &format!("{} ", field.name.node),
            true if levels > 0 => text += &format!("{} {} ", field.name.node, every_field(types, below, levels - 1)),
            true => {}
        }
    }
    text + "}"
}

/// Counts the parts of a response that were written as JSON text.
fn written(value: &async_graphql::Value) -> usize {
    match value {
        async_graphql::Value::Object(fields) if fields.contains_key(async_graphql_value::RAW_VALUE_TOKEN) => 1,
        async_graphql::Value::Object(fields) => fields.values().map(written).sum(),
        async_graphql::Value::List(values) => values.iter().map(written).sum(),
        _ => 0,
    }
}

async fn check(api: &TestApi, viewer: Viewer, query: &str, fewest_written: usize) {
    let at_once = api.response(viewer, query, json!({})).await;
    let by_executor = api.response_of_executor(viewer, query).await;
    assert!(at_once.errors.is_empty(), "{query}: {:?}", at_once.errors);
    assert!(written(&at_once.data) >= fewest_written, "{query}");
    assert_eq!(written(&by_executor.data), 0, "{query}");
    let text = |response: &Response| serde_json::to_string(&response.data).unwrap();
    assert_eq!(text(&at_once), text(&by_executor), "{query}");
    let mut fast = orderwire::graphql::Json::new(usize::MAX);
    orderwire::graphql::write_data(&at_once.data, &mut fast).unwrap();
    assert_eq!(String::from_utf8(fast.into_bytes()).unwrap(), text(&at_once), "{query}");
}

async fn directly_written_fields_equal_the_executors(api: TestApi) {
    let staff = shop(&api).await;
    let types = objects();
    for (list, name) in [("orders", "Order"), ("products", "Product"), ("tasks", "Task"), ("users", "User")] {
        let everything = every_field(&types, &format!("{name}Connection"), LEVELS);
        check(&api, staff, &format!("{{ {list} {everything} }}"), 1).await;
        // Leaves out fields that only the executor can resolve, so that the objects are written directly.
        for field in types[name].iter().filter(|field| field.arguments.is_empty()) {
            let below = base_name(&field.ty.node.base);
            let below = if types.contains_key(below) { every_field(&types, below, 0) } else { String::new() };
            check(&api, staff, &format!("{{ {list} {{ nodes {{ {} {below} }} }} }}", field.name.node), 0).await;
        }
    }
}

async fn directly_written_selections_equal_the_executors(api: TestApi) {
    let staff = shop(&api).await;
    for (fewest_written, query) in [
        (1, "{ products { nodes { z: sku a: id sku sku price { currencyCode c: currencyCode } } } }"),
        (
            1,
            "{ products { nodes { ...A ... { stock } ... on Product { tags } } } } fragment A on Product { name ...B } fragment B on Product { price { ...C } } fragment C on Money { amount }",
        ),
        (
            1,
            "query ($no: Boolean = false) { products { nodes { id @include(if: $no) sku @skip(if: $no) name @skip(if: true) } } }",
        ),
        (1, "{ orders { nodes { number items { product { id name } quantity } total { __typename amount } } } }"),
        (1, "{ products { edges { cursor node { id } } pageInfo { endCursor } } }"),
        (1, "{ products { nodes { price { amount } price { currencyCode } } } }"),
        (1, "{ products { nodes { ... on Node { id } sku } } }"),
        (1, "{ products { nodes { id @skip(if: true) } } }"),
        (1, "{ products { nodes { price { amount @skip(if: true) } } } }"),
        (1, "{ orders { nodes { items { product { sku } } items { product { name } } } } }"),
        // The executor resolves these, at least in part.
        (0, "{ orders { nodes { items { product { sku } product { name } } customer { name } customer { email } } } }"),
        (0, "{ tasks { nodes { title createdBy { name } order { number customer { id email } } } } }"),
        (0, "{ me { name email } }"),
    ] {
        check(&api, staff, query, fewest_written).await;
    }
    let ids: Value = api.data(staff, "{ products { nodes { id } } orders { nodes { id } } }", json!({})).await;
    let (product, order) = (&ids["products"]["nodes"][0]["id"], &ids["orders"]["nodes"][0]["id"]);
    let nodes = format!(
        "{{ nodes(ids: [{product}, {order}]) {{ id ... on Product {{ x: price {{ amount }} }} ... on Order {{ x: total {{ amount }} number }} }} }}"
    );
    check(&api, staff, &nodes, 0).await;
}
