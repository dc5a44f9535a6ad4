//! Times as input: RFC 3339 to the letter, up to the last millisecond of the year 9999.

use orderwire::domain::{UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::api::{TestApi, error_codes};

on_each_engine! {
    a_time_is_read_stored_and_compared_up_to_its_bounds
    a_time_that_rfc_3339_does_not_have_is_refused_with_the_reason
    orders_are_filtered_up_to_the_bounds_of_time
}

const FIRST: &str = "0001-01-01T00:00:00.000Z";
const LAST: &str = "9999-12-31T23:59:59.999Z";

async fn add_task(api: &TestApi, viewer: Viewer, due: &str) -> Value {
    let create =
        "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { dueAt } userErrors { code } } }";
    let made = api.data(viewer, create, json!({ "input": { "title": due, "dueAt": due } })).await["createTask"].clone();
    assert_eq!(made["userErrors"], json!([]), "{due}");
    made["task"]["dueAt"].clone()
}

async fn a_time_is_read_stored_and_compared_up_to_its_bounds(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    for (sent, read) in [
        (FIRST, FIRST),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999Z"),
        ("2026-01-31t10:30:00.5+01:00", "2026-01-31T09:30:00.500Z"),
        ("9999-12-31T23:59:59.998z", "9999-12-31T23:59:59.998Z"),
        (LAST, LAST),
        ("9999-12-31T22:59:59.999-01:00", LAST),
    ] {
        assert_eq!(add_task(&api, staff, sent).await, read, "{sent}");
    }
    let due = |node: &Value| node["dueAt"].as_str().unwrap().to_owned();
    let list = "query ($first: Int, $after: String, $before: DateTime) { tasks(first: $first, after: $after, filter: { dueBefore: $before },
        orderBy: { field: DUE_AT, direction: ASC }) { nodes { dueAt } totalCount pageInfo { endCursor hasNextPage } } }";
    for (before, count) in [
        (FIRST, 0),
        ("0001-01-01T00:00:00.001Z", 1),
        ("2026-01-31T09:30:00.500Z", 2),
        (LAST, 4),
        ("2026-01-31T09:30:00.501Z", 3),
    ] {
        let found = api.data(staff, list, json!({ "first": 10, "before": before })).await["tasks"].clone();
        assert_eq!(found["totalCount"], count, "{before}");
        assert_eq!(found["nodes"].as_array().unwrap().len(), count, "{before}");
        assert!(found["nodes"].as_array().unwrap().iter().all(|node| *due(node) < *before), "{before}: {found}");
    }
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = api.data(staff, list, json!({ "first": 1, "after": after })).await["tasks"].clone();
        seen.extend(page["nodes"].as_array().unwrap().iter().map(due));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let all = [FIRST, "1969-12-31T23:59:59.999Z", "2026-01-31T09:30:00.500Z", "9999-12-31T23:59:59.998Z", LAST, LAST];
    assert_eq!(seen, all, "cursors of every time lead on");
}

async fn a_time_that_rfc_3339_does_not_have_is_refused_with_the_reason(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    for (time, reason) in [
        ("20260131T09:30:00Z", "of RFC 3339 with seconds and an offset, for example 2026-01-31T09:30:00.000Z"),
        ("2026-01-31T09:30+01:00", "of RFC 3339 with seconds"),
        ("2026-01-31T09:30Z", "of RFC 3339 with seconds"),
        ("2026-01-31T09:30:00", "of RFC 3339 with seconds and an offset"),
        ("2026-01-31 09:30:00Z", "of RFC 3339"),
        ("2026-01-31T09:30:00+0100", "of RFC 3339"),
        ("+012026-01-31T09:30:00Z", "of RFC 3339"),
        ("-000001-01-31T09:30:00Z", "of RFC 3339"),
        ("2026-01-31T09:30:00+25:59", "does not exist"),
        ("2026-02-29T09:30:00Z", "does not exist"),
        ("2026-01-31T24:00:00Z", "does not exist"),
        ("2016-12-31T23:59:60Z", "a leap second"),
        ("0000-12-31T23:59:59Z", "not in the years 0001 to 9999"),
        ("0001-01-01T00:00:00+00:01", "not in the years 0001 to 9999"),
        ("9999-12-31T23:59:59-00:01", "not in the years 0001 to 9999"),
    ] {
        let mutation = "mutation ($due: DateTime) { createTask(input: { title: \"T\", dueAt: $due }) { task { id } } }";
        for (document, variables) in [
            (format!("{{ tasks(filter: {{ dueBefore: \"{time}\" }}) {{ totalCount }} }}"), json!({})),
            (
                "query ($t: DateTime) { tasks(filter: { dueBefore: $t }) { totalCount } }".to_owned(),
                json!({ "t": time }),
            ),
            (mutation.to_owned(), json!({ "due": time })),
            (
                format!("mutation {{ createTask(input: {{ title: \"T\", dueAt: \"{time}\" }}) {{ task {{ id }} }} }}"),
                json!({}),
            ),
        ] {
            let response = api.response(staff, &document, variables).await;
            assert_eq!(error_codes(&response), ["BAD_USER_INPUT"], "{document} {time}");
            assert!(response.errors[0].message.contains(reason), "{time}: {}", response.errors[0].message);
        }
    }
    for value in [json!(1_769_851_800_000_i64), json!(true), json!({}), json!(["2026-01-31T09:30:00Z"])] {
        let query = "query ($t: DateTime) { tasks(filter: { dueBefore: $t }) { totalCount } }";
        assert_eq!(api.codes(staff, query, json!({ "t": value })).await, ["BAD_USER_INPUT"], "{value}");
    }
    let tasks = api.data(staff, "{ tasks { totalCount } }", json!({})).await;
    assert_eq!(tasks, json!({ "tasks": { "totalCount": 0 } }), "nothing was made");
}

async fn orders_are_filtered_up_to_the_bounds_of_time(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let product = api.product(staff, json!({ "sku": "A", "name": "A", "price": "1.5", "stock": 5 })).await;
    let place = "mutation ($items: [OrderItemInput!]!) { placeOrder(input: { items: $items, idempotencyKey: \"k\" }) { order { placedAt } } }";
    let items = json!([{ "productId": product, "quantity": 1 }]);
    let placed = api.data(staff, place, json!({ "items": items })).await["placeOrder"]["order"]["placedAt"].clone();
    let list = "query ($after: DateTime, $before: DateTime) { orders(filter: { placedAfter: $after, placedBefore: $before }) { totalCount nodes { placedAt } } }";
    for (after, before, count) in [
        (json!(FIRST), json!(LAST), 1),
        (json!(FIRST), json!(null), 1),
        (json!(null), json!(LAST), 1),
        (json!(LAST), json!(null), 0),
        (json!(null), json!(FIRST), 0),
        (json!(LAST), json!(FIRST), 0),
        (json!(LAST), json!(LAST), 0),
    ] {
        let found = api.data(staff, list, json!({ "after": after, "before": before })).await["orders"].clone();
        let nodes = vec![json!({ "placedAt": placed }); count];
        assert_eq!(found, json!({ "totalCount": count, "nodes": nodes }), "{after} {before}");
    }
}
