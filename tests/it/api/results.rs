//! The shape of results: fields in the order of the query, and nulls where the GraphQL specification puts them.

use orderwire::domain::UserRole;
use serde_json::{Value, json};

use crate::support::api::{TestApi, error_codes};

on_each_engine! {
    fields_are_in_the_order_of_the_query
    selections_of_one_key_are_merged_and_run_once
    objects_without_a_selected_field_are_empty
    a_failed_field_nulls_itself_or_its_nearest_nullable_parent
}

async fn fields_are_in_the_order_of_the_query(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let create = "mutation { createTask(input: { title: \"T\" }) { userErrors { code } task { createdBy { name } title ...More } } } fragment More on Task { assignee { id } id: status }";
    let response = api.response(staff, create, json!({})).await;
    let text = serde_json::to_string(&response.data).unwrap();
    let expected = r#"{"createTask":{"userErrors":[],"task":{"createdBy":{"name":"staff"},"title":"T","assignee":null,"id":"TODO"}}}"#;
    assert_eq!(text, expected);
    let query = "{ users { totalCount } trendingProducts { id } me { name } tasks { nodes { createdBy { name } ... on Task { title } version } } }";
    let text = serde_json::to_string(&api.response(staff, query, json!({})).await.data).unwrap();
    let expected = r#"{"users":{"totalCount":1},"trendingProducts":[],"me":{"name":"staff"},"tasks":{"nodes":[{"createdBy":{"name":"staff"},"title":"T","version":1}]}}"#;
    assert_eq!(text, expected);
}

async fn selections_of_one_key_are_merged_and_run_once(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let product = api.product(staff, json!({ "sku": "A", "name": "Lamp", "price": "1.50", "stock": 5 })).await;
    let adjust = "mutation ($input: AdjustStockInput!) { ...X ...Y }
        fragment X on Mutation { adjustStock(input: $input) { product { sku } } }
        fragment Y on Mutation { adjustStock(input: $input) { product { stock } userErrors { code } } }";
    let response = api.response(staff, adjust, json!({ "input": { "productId": product, "delta": 2 } })).await;
    let expected = r#"{"adjustStock":{"product":{"sku":"A","stock":7},"userErrors":[]}}"#;
    assert_eq!(serde_json::to_string(&response.data).unwrap(), expected);
    let node = "query ($id: ID!, $a: Boolean!, $b: Boolean!) { node(id: $id) {
        ... on Product @include(if: $a) { name } id ... on Node { id } ... on Product { stock name @skip(if: $b) } } }";
    for (a, b, expected) in [
        (true, true, r#"{"name":"Lamp","id":ID,"stock":7}"#),
        (true, false, r#"{"name":"Lamp","id":ID,"stock":7}"#),
        (false, false, r#"{"id":ID,"stock":7,"name":"Lamp"}"#),
        (false, true, r#"{"id":ID,"stock":7}"#),
    ] {
        let response = api.response(staff, node, json!({ "id": product, "a": a, "b": b })).await;
        let expected = format!("{{\"node\":{}}}", expected.replace("ID", &product.to_string()));
        assert_eq!(serde_json::to_string(&response.data).unwrap(), expected, "{a} {b}");
    }
}

async fn objects_without_a_selected_field_are_empty(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let id = staff.user_id().unwrap().to_string();
    for (query, data) in [
        ("{ me @skip(if: true) { id } }", json!({})),
        ("{ me { id @skip(if: true) } }", json!({ "me": {} })),
        ("{ users { nodes { id @include(if: false) } } }", json!({ "users": { "nodes": [{}] } })),
        ("query ($id: ID!) { node(id: $id) { ... on Order { id } } }", json!({ "node": {} })),
        ("query ($id: ID!) { nodes(ids: [$id, \"x\"]) { ... on Order { id } } }", json!({ "nodes": [{}, null] })),
    ] {
        let variables = if query.starts_with("query") { json!({ "id": id }) } else { json!({}) };
        assert_eq!(api.data(staff, query, variables).await, data, "{query}");
    }
}

async fn a_failed_field_nulls_itself_or_its_nearest_nullable_parent(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    for (query, data) in [
        ("{ order(id: \"x\") { id } me { name } }", json!({ "order": null, "me": { "name": "staff" } })),
        ("{ order(id: \"x\") { id } }", json!({ "order": null })),
        ("{ a: order(id: \"x\") { id } b: task(id: \"x\") { id } }", json!({ "a": null, "b": null })),
        ("{ me { name } products(first: -1) { nodes { id } } }", Value::Null),
        ("{ me { name orders(first: -1) { nodes { id } } } }", json!({ "me": null })),
        ("{ users { nodes { name tasks(first: 999) { totalCount } } } }", Value::Null),
        (
            "query ($no: Boolean = false) { me { name id @include(if: $no) } task(id: \"x\") { id } }",
            json!({ "me": { "name": "staff" }, "task": null }),
        ),
    ] {
        let response = api.response(staff, query, json!({})).await;
        assert!(error_codes(&response).iter().all(|code| code == "BAD_USER_INPUT"), "{query}");
        assert_eq!(response.data.into_json().unwrap(), data, "{query}");
    }
}
