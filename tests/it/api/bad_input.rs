//! Invalid input gets a clear error and writes nothing.

use orderwire::domain::{OrderId, ProductId, Timestamp, UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::api::{TestApi, error_codes};

on_each_engine! {
    ids_of_the_wrong_kind_are_refused
    a_text_that_is_no_id_is_a_node_that_does_not_exist
    values_out_of_range_are_user_errors
    invalid_documents_are_refused
    a_refused_order_writes_nothing
}

async fn product(api: &TestApi, staff: Viewer) -> Value {
    api.product(staff, json!({ "sku": "A", "name": "A", "price": "1.5", "stock": 5 })).await
}

async fn ids_of_the_wrong_kind_are_refused(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let product = product(&api, staff).await;
    for id in [&product, &json!(""), &json!("ord_"), &json!("ord_\0"), &json!("x".repeat(100_000)), &json!(17)] {
        for query in ["order(id: $id)", "node(id: \"ord_1\") { id } order(id: $id)", "task(id: $id)", "user(id: $id)"] {
            let query = format!("query ($id: ID!) {{ {query} {{ id }} }}");
            assert!(api.codes(staff, &query, json!({ "id": id })).await.iter().all(|code| code == "BAD_USER_INPUT"));
        }
        let cancel = "mutation ($id: ID!) { cancelOrder(input: { orderId: $id }) { userErrors { code field } } }";
        let answer = api.data(staff, cancel, json!({ "id": id })).await;
        assert_eq!(answer["cancelOrder"]["userErrors"], json!([{ "code": "INVALID_INPUT", "field": ["orderId"] }]));
    }
    let missing = OrderId::generate(Timestamp::from_unix_millis(1)).to_string();
    let query = "query ($id: ID!) { order(id: $id) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }";
    let answer = api.data(staff, query, json!({ "id": missing })).await;
    assert_eq!(answer, json!({ "order": null, "node": null, "nodes": [null] }));
}

async fn a_text_that_is_no_id_is_a_node_that_does_not_exist(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let product = product(&api, staff).await;
    let good = product.as_str().unwrap();
    let long = "x".repeat(100_000);
    let no_ids = ["", " ", "garbage", "prd_", "prd_1", "abc_01J9Z3NDEKTSV4RRFFQ69G5FAV", "öö", "\0", &long, "null"];
    let query = "query ($id: ID!, $ids: [ID!]!) { node(id: $id) { id } nodes(ids: $ids) { id } }";
    for viewer in [staff, Viewer::Anonymous] {
        for bad in no_ids.map(str::to_owned).into_iter().chain([
            good.to_lowercase(),
            good.replace("prd_", "PRD_"),
            format!(" {good}"),
            format!("{good}\n"),
        ]) {
            let answer = api.data(viewer, query, json!({ "id": bad, "ids": [good, bad, good] })).await;
            let node = json!({ "id": good });
            assert_eq!(answer, json!({ "node": null, "nodes": [node, null, node] }), "{bad:.60}");
        }
        let answer = api.data(viewer, query, json!({ "id": 17, "ids": [17, good] })).await;
        assert_eq!(answer, json!({ "node": null, "nodes": [null, { "id": good }] }));
        let answer =
            api.data(viewer, "{ node(id: \"garbage\") { id } nodes(ids: [\"garbage\"]) { id } }", json!({})).await;
        assert_eq!(answer, json!({ "node": null, "nodes": [null] }));
    }
    let many = json!({ "id": "garbage", "ids": vec!["garbage"; 101] });
    assert_eq!(api.codes(staff, query, many).await, ["BAD_USER_INPUT"], "at most 100, whatever they are");
    assert_eq!(api.codes(staff, query, json!({ "id": null, "ids": [null] })).await[0], "BAD_USER_INPUT");
}

async fn values_out_of_range_are_user_errors(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let product = product(&api, staff).await;
    let create = "mutation ($input: CreateProductInput!) { createProduct(input: $input) { product { sku } userErrors { field } } }";
    let good = json!({ "sku": "B", "name": "B", "price": "1" });
    for (field, value) in [
        ("sku", json!("")),
        ("sku", json!("a\0b")),
        ("name", json!("  ")),
        ("name", json!("x".repeat(10_000_000))),
        ("name", json!("\u{1b}[31mred")),
        ("description", json!("x".repeat(200_000))),
        ("description", json!("\0")),
        ("price", json!("-0.01")),
        ("price", json!("900000000000000")),
        ("stock", json!(-1)),
        ("tags", json!([""])),
        ("tags", json!(vec!["t"; 51])),
    ] {
        let mut input = good.clone();
        input[field] = value;
        let answer = api.data(staff, create, json!({ "input": input })).await["createProduct"].clone();
        assert_eq!(answer["userErrors"][0]["field"][0], *field, "{field}");
        assert_eq!(answer["product"], Value::Null);
    }
    for (field, value) in [
        ("price", json!("1.00001")),
        ("price", json!(1.5)),
        ("price", json!("1e3")),
        ("currencyCode", json!("XXY")),
        ("stock", json!(2_147_483_648_i64)),
        ("stock", json!(1.5)),
        ("name", json!(7)),
        ("colour", json!("red")),
    ] {
        let mut input = good.clone();
        input[field] = value;
        let codes = api.codes(staff, create, json!({ "input": input })).await;
        assert_eq!(codes, ["BAD_USER_INPUT"], "{input}");
    }
    let place = "mutation ($items: [OrderItemInput!]!, $key: String!) { placeOrder(input: { items: $items, idempotencyKey: $key }) { order { id } userErrors { code field } } }";
    for (quantity, code) in
        [(0, "INVALID_INPUT"), (-1, "INVALID_INPUT"), (i32::MAX, "INVALID_INPUT"), (6, "INSUFFICIENT_STOCK")]
    {
        let items = json!([{ "productId": product, "quantity": quantity }]);
        let answer = api.data(staff, place, json!({ "items": items, "key": "k" })).await["placeOrder"].clone();
        assert_eq!(
            answer,
            json!({ "order": null, "userErrors": [{ "code": code, "field": ["items", "0", "quantity"] }] })
        );
    }
    for items in [json!([]), Value::Array(vec![json!({ "productId": product, "quantity": 1 }); 101])] {
        let answer = api.data(staff, place, json!({ "items": items, "key": "k" })).await["placeOrder"].clone();
        assert_eq!(answer["userErrors"], json!([{ "code": "INVALID_INPUT", "field": ["items"] }]));
    }
    let missing = ProductId::generate(Timestamp::from_unix_millis(1)).to_string();
    let items = json!([{ "productId": product, "quantity": 1 }, { "productId": missing, "quantity": 1 }]);
    let answer = api.data(staff, place, json!({ "items": items, "key": "k" })).await["placeOrder"].clone();
    assert_eq!(answer["userErrors"], json!([{ "code": "NOT_FOUND", "field": ["items", "1", "productId"] }]));
}

async fn invalid_documents_are_refused(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let deep =
        format!("{{ me {}{} }}", "{ orders { nodes { customer ".repeat(40), "{ id }".to_owned() + &" } } }".repeat(40));
    for (document, code) in [
        ("", "BAD_USER_INPUT"),
        ("{", "BAD_USER_INPUT"),
        ("{ nothing }", "BAD_USER_INPUT"),
        ("{ me }", "BAD_USER_INPUT"),
        ("{ me { id } } \0", "BAD_USER_INPUT"),
        ("query ($id: ID!) { order(id: $id) { id } }", "BAD_USER_INPUT"),
        ("subscription { orderUpdates { kind } }", "BAD_USER_INPUT"),
        ("{ orders(first: \"3\") { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ orders(filter: { placedAfter: \"yesterday\" }) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ products(filter: { minPrice: 1.5 }) { nodes { id } } }", "BAD_USER_INPUT"),
        // An invalid literal beside a variable.
        ("query ($s: String) { products(filter: { search: $s, colour: 1 }) { nodes { id } } }", "BAD_USER_INPUT"),
        ("query ($s: String) { products(filter: { search: $s, inStock: 1 }) { nodes { id } } }", "BAD_USER_INPUT"),
        (&deep, "QUERY_TOO_COMPLEX"),
    ] {
        let response = api.response(staff, document, json!({})).await;
        assert!(error_codes(&response).iter().all(|actual| actual == code), "{document:.60}: {:?}", response.errors);
        assert!(!response.errors.is_empty(), "{document:.60}");
    }
}

async fn a_refused_order_writes_nothing(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let product = product(&api, staff).await;
    let place = "mutation ($items: [OrderItemInput!]!) { placeOrder(input: { items: $items, idempotencyKey: \"same\" }) { order { total { amount } } replayed userErrors { code message } } }";
    let line = |quantity: i32| json!({ "productId": product, "quantity": quantity });
    let refused = api.data(staff, place, json!({ "items": [line(3), line(3)] })).await["placeOrder"].clone();
    assert_eq!(
        refused["userErrors"][0],
        json!({ "code": "INSUFFICIENT_STOCK", "message": "line 1: only 5 available" })
    );
    let state = "{ products { nodes { stock version } } orders { totalCount } }";
    let before = api.data(staff, state, json!({})).await;
    assert_eq!(
        before,
        json!({ "products": { "nodes": [{ "stock": 5, "version": 1 }] }, "orders": { "totalCount": 0 } })
    );
    let placed = api.data(staff, place, json!({ "items": [line(3), line(2)] })).await["placeOrder"].clone();
    assert_eq!(placed, json!({ "order": { "total": { "amount": "7.50" } }, "replayed": false, "userErrors": [] }));
    let again = api.data(staff, place, json!({ "items": [line(5)] })).await["placeOrder"].clone();
    assert_eq!(again["replayed"], true, "summed lines are the same input");
    let other = api.data(staff, place, json!({ "items": [line(1)] })).await["placeOrder"].clone();
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    let after = api.data(staff, state, json!({})).await;
    assert_eq!(
        after,
        json!({ "products": { "nodes": [{ "stock": 0, "version": 2 }] }, "orders": { "totalCount": 1 } })
    );
}
