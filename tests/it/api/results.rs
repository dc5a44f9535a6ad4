//! The shape of results: fields in the order of the query, and nulls where the GraphQL specification puts them.

use orderwire::domain::UserRole;
use serde_json::{Value, json};

use crate::support::api::{TestApi, error_codes};

on_each_engine! {
    fields_are_in_the_order_of_the_query
    selections_of_one_key_are_merged_and_run_once
    objects_without_a_selected_field_are_empty
    a_failed_field_nulls_itself_or_its_nearest_nullable_parent
    errors_of_many_fields_are_cut_with_their_number
    null_for_an_argument_that_does_not_allow_it_is_explained_as_by_validation
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

async fn errors_of_many_fields_are_cut_with_their_number(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let ids = vec![staff.user_id().unwrap().to_string(); 100];
    let query = "query ($ids: [ID!]!) { a: nodes(ids: $ids) { ...F } b: nodes(ids: $ids) { ...F } }
        fragment F on User { orders(first: -1) { totalCount } }";
    let response = api.response(staff, query, json!({ "ids": ids })).await;
    assert_eq!(error_codes(&response), ["BAD_USER_INPUT"; 101]);
    assert_eq!(response.errors[100].message, "There are 100 more errors.");
    let nothing = vec![Value::Null; 100];
    assert_eq!(response.data.into_json().unwrap(), json!({ "a": nothing, "b": nothing }));
}

async fn null_for_an_argument_that_does_not_allow_it_is_explained_as_by_validation(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let id = staff.user_id().unwrap().to_string();
    for (query, message, path) in [
        (
            "query ($i: ID = \"x\") { found: node(id: $i) { id } }",
            "Invalid value for argument \"id\", expected type \"ID!\"",
            json!(["found"]),
        ),
        (
            "query ($i: ID = \"x\") { __typename nodes(ids: [\"x\", $i]) { id } }",
            "Invalid value for argument \"ids.1\", expected type \"ID!\"",
            json!(["nodes"]),
        ),
        (
            "query ($i: OrderDirection = ASC, $id: ID!) { nodes(ids: [$id]) { id ... on User { all: orders(orderBy: { field: PLACED_AT, direction: $i }) { totalCount } } } }",
            "Invalid value for argument \"orderBy.direction\", expected type \"OrderDirection!\"",
            json!(["nodes", 0, "all"]),
        ),
        (
            "query ($i: String = \"User\") { __type(name: $i) { name } }",
            "Invalid value for argument \"name\", expected type \"String!\"",
            json!(["__type"]),
        ),
    ] {
        let variables = if query.contains("$id") { json!({ "i": null, "id": id }) } else { json!({ "i": null }) };
        let response = api.response(staff, query, variables).await;
        assert_eq!(error_codes(&response), ["BAD_USER_INPUT"], "{query}");
        assert_eq!((response.errors[0].message.as_str(), json!(response.errors[0].path)), (message, path), "{query}");
    }
}
