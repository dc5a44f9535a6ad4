//! Positions in the event log, and versions, that the API refuses, and where its errors are.

use orderwire::{
    domain::{Timestamp, UserRole, Viewer},
    graphql::OperationRequest,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::api::{TestApi, error_codes, next};

on_each_engine! {
    event_cursors_of_no_entry_of_this_log_are_refused
    an_event_cursor_older_than_the_log_has_expired
    a_stale_expected_version_is_a_user_error
    errors_of_fields_have_locations_unless_the_operation_runs_by_its_hash
}

const WATCH: &str = "subscription ($after: EventCursor) { orderUpdates(after: $after) { kind } }";

async fn cursor(api: &TestApi, viewer: Viewer) -> String {
    api.data(viewer, "{ eventCursor }", json!({})).await["eventCursor"].as_str().unwrap().to_owned()
}

async fn lamp(api: &TestApi, staff: Viewer, sku: &str) -> Value {
    api.product(staff, json!({ "sku": sku, "name": "Lamp", "price": "2.5", "stock": 10 })).await
}

async fn event_cursors_of_no_entry_of_this_log_are_refused(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let good = cursor(&api, staff).await;
    let (log, seq) = (&good[1..9], &good[9..]);
    let other_log = format!("c{:08x}{seq}", u32::from_str_radix(log, 16).unwrap() ^ 1);
    let invented = format!("c{log}{:016x}", 1_000_000);
    for after in ["nonsense", &other_log, &invented] {
        let refusal = next(&mut api.stream(staff, WATCH, json!({ "after": after }))).await;
        assert_eq!(error_codes(&refusal), ["BAD_USER_INPUT"], "{after}");
    }
}

async fn an_event_cursor_older_than_the_log_has_expired(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let before = cursor(&api, staff).await;
    for sku in ["L1", "L2", "L3"] {
        lamp(&api, staff, sku).await;
        // Entries that are logged together may be deleted together, and the newest stay.
        api.store.catch_up_log().await.unwrap();
    }
    let (long_ago, far_ahead) = (Timestamp::from_unix_millis(0), Timestamp::from_unix_millis(4_000_000_000_000));
    api.store.prune(long_ago, far_ahead, long_ago).await.unwrap();
    // Another node, which does not have the deleted entries in memory.
    let restarted = TestApi::over(api.store.clone()).await;
    let refusal = next(&mut restarted.stream(staff, WATCH, json!({ "after": before }))).await;
    assert_eq!(error_codes(&refusal), ["CURSOR_EXPIRED"]);
}

async fn a_stale_expected_version_is_a_user_error(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let id = lamp(&api, staff, "L1").await;
    let update = "mutation ($input: UpdateProductInput!) { updateProduct(input: $input) {
        product { name version } userErrors { code } } }";
    let input = |version: i32| json!({ "input": { "id": id, "name": "Lantern", "expectedVersion": version } });
    let stale = api.data(staff, update, input(7)).await;
    assert_eq!(stale["updateProduct"], json!({ "product": null, "userErrors": [{ "code": "VERSION_MISMATCH" }] }));
    let current = api.data(staff, update, input(1)).await;
    assert_eq!(current["updateProduct"], json!({ "product": { "name": "Lantern", "version": 2 }, "userErrors": [] }));
}

/// Locations count in the text that is sent.
async fn errors_of_fields_have_locations_unless_the_operation_runs_by_its_hash(api: TestApi) {
    let text = "# a product\n{ product(id: \"no id\") { id } }";
    let hash = hex::encode(Sha256::digest(text));
    let extension = async_graphql::Value::from_json(json!({ "version": 1, "sha256Hash": hash })).unwrap();
    let by_hash = || OperationRequest {
        extensions: [("persistedQuery".to_owned(), extension.clone())].into(),
        ..OperationRequest::default()
    };
    let registering = || OperationRequest { query: Some(text.to_owned()), ..by_hash() };
    for (request, expected) in [
        (registering(), vec![(2, 3)]),
        (by_hash(), vec![]),
        (OperationRequest::new(text), vec![(2, 3)]),
        (by_hash(), vec![]),
    ] {
        let response = api.run(Viewer::Anonymous, request).await;
        assert_eq!(error_codes(&response), ["BAD_USER_INPUT"]);
        let locations = response.errors[0].locations.iter().map(|at| (at.line, at.column));
        assert_eq!(locations.collect::<Vec<_>>(), expected);
    }
}
