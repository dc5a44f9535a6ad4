//! Metadata: who reads, changes and finds by which part, and what is no metadata.

use futures_util::{StreamExt, poll};
use orderwire::domain::{Scope, UserRole, Viewer};
use orderwire::service::CreateApiKey;
use serde_json::{Value, json};

use crate::support::api::{TestApi, error_codes, next};

on_each_engine! {
    the_private_part_is_for_staff_alone_and_nobody_else_finds_by_it
    subscribers_get_the_part_that_they_may_read
    a_change_shows_at_once_and_has_a_version
    bad_input_changes_nothing
}

const UPDATE: &str =
    "mutation ($id: ID!, $set: [MetadataItemInput!], $remove: [String!], $private: Boolean, $version: Int) {
    updateMetadata(input: { id: $id, set: $set, remove: $remove, private: $private, expectedVersion: $version }) {
        node { id ... on HasMetadata { metadata { key value } privateMetadata { key value } } ... on Order { version } }
        userErrors { code field } } }";

struct Shop {
    admin: Viewer,
    staff: Viewer,
    owner: Viewer,
    product: Value,
    order: Value,
    task: Value,
}

async fn shop(api: &TestApi) -> Shop {
    let [admin, staff] = [api.viewer("admin", UserRole::Admin).await, api.viewer("staff", UserRole::Staff).await];
    let owner = api.viewer("owner", UserRole::Customer).await;
    let product = api.product(staff, json!({ "sku": "lamp", "name": "Lamp", "price": "1", "stock": 10 })).await;
    let place = "mutation ($product: ID!) { placeOrder(input: {
        items: [{ productId: $product, quantity: 1 }], idempotencyKey: \"1\" }) { order { id } } }";
    let order = api.data(owner, place, json!({ "product": product })).await["placeOrder"]["order"]["id"].clone();
    let create = "mutation { createTask(input: { title: \"T\" }) { task { id } } }";
    let task = api.data(owner, create, json!({})).await["createTask"]["task"]["id"].clone();
    Shop { admin, staff, owner, product, order, task }
}

/// Changes metadata and returns the payload without the id.
async fn update(api: &TestApi, viewer: Viewer, variables: Value) -> Value {
    api.data(viewer, UPDATE, variables).await["updateMetadata"].clone()
}

fn item(key: &str, value: &str) -> Value {
    json!([{ "key": key, "value": value }])
}

async fn the_private_part_is_for_staff_alone_and_nobody_else_finds_by_it(api: TestApi) {
    let shop = shop(&api).await;
    let user = shop.owner.user_id().unwrap().to_string();
    for id in [&shop.product, &shop.order, &shop.task, &json!(user)] {
        for (private, set) in [(false, item("shown", "1")), (true, item("hidden", "2"))] {
            let made = update(&api, shop.admin, json!({ "id": id, "set": set, "private": private })).await;
            assert_eq!(made["userErrors"], json!([]), "{made}");
        }
    }
    let read = "query ($product: ID!, $order: ID!, $task: ID!, $user: ID!) {
        product(id: $product) { ...Both } order(id: $order) { ...Both } task(id: $task) { ...Both } user(id: $user) { ...Both } }
        fragment Both on HasMetadata { metadata { key value } privateMetadata { key value } }";
    let variables = json!({ "product": shop.product, "order": shop.order, "task": shop.task, "user": user });
    let seen = |private: Value| json!({ "metadata": item("shown", "1"), "privateMetadata": private });
    let all = |private: Value| {
        let both = seen(private);
        json!({ "product": both, "order": both, "task": both, "user": both })
    };
    assert_eq!(api.data(shop.owner, read, variables.clone()).await, all(json!([])));
    assert_eq!(api.data(shop.staff, read, variables.clone()).await, all(item("hidden", "2")));
    let key =
        CreateApiKey { name: "K".to_owned(), scopes: vec![Scope::ReadProducts, Scope::ReadOrders], expires_at: None };
    let (_, secret) = api.service.create_api_key(&shop.admin, key).await.unwrap();
    let machine = api.authenticate(secret.reveal()).await.unwrap();
    let with_scope = seen(item("hidden", "2"));
    let expected = json!({ "product": with_scope, "order": with_scope, "task": null, "user": null });
    assert_eq!(api.data(machine, read, variables.clone()).await, expected);
    let product = "query ($product: ID!) { product(id: $product) { privateMetadata { key } } }";
    let anonymous = api.data(Viewer::Anonymous, product, json!({ "product": shop.product })).await;
    assert_eq!(anonymous["product"]["privateMetadata"], json!([]));

    let lists = "query ($filter: MetadataFilter!) {
        products(filter: { metadata: $filter }) { totalCount nodes { id } }
        orders(filter: { metadata: $filter }) { totalCount nodes { id } }
        tasks(filter: { metadata: $filter }) { totalCount nodes { id } } }";
    for (viewer, filter, found) in [
        (shop.owner, json!({ "key": "shown" }), true),
        (shop.owner, json!({ "key": "shown", "value": "1" }), true),
        (shop.owner, json!({ "key": "shown", "value": "2" }), false),
        (shop.owner, json!({ "key": "hidden" }), false),
        (shop.owner, json!({ "key": "hidden", "value": "2" }), false),
        (shop.staff, json!({ "key": "hidden" }), true),
        (shop.staff, json!({ "key": "hidden", "value": "2" }), true),
        (shop.staff, json!({ "key": "hidden", "value": "1" }), false),
    ] {
        let listed = api.data(viewer, lists, json!({ "filter": filter })).await;
        for (list, id) in [("products", &shop.product), ("orders", &shop.order), ("tasks", &shop.task)] {
            let expected = if found { json!([{ "id": id }]) } else { json!([]) };
            assert_eq!(listed[list], json!({ "totalCount": i32::from(found), "nodes": expected }), "{list} {filter}");
        }
    }
}

async fn subscribers_get_the_part_that_they_may_read(api: TestApi) {
    let shop = shop(&api).await;
    let watch = "subscription { orderUpdates { kind previousStatus order {
        version metadata { key value } privateMetadata { key value } } } }";
    let mut streams = [shop.owner, shop.staff].map(|viewer| api.stream(viewer, watch, json!({})));
    for stream in &mut streams {
        assert!(poll!(stream.next()).is_pending());
    }
    update(&api, shop.staff, json!({ "id": shop.order, "set": item("hidden", "2"), "private": true })).await;
    for (stream, private) in streams.iter_mut().zip([json!([]), item("hidden", "2")]) {
        let update = next(stream).await.data.into_json().unwrap()["orderUpdates"].clone();
        let order = json!({ "version": 2, "metadata": [], "privateMetadata": private });
        assert_eq!(update, json!({ "kind": "UPDATED", "previousStatus": null, "order": order }));
    }
}

async fn a_change_shows_at_once_and_has_a_version(api: TestApi) {
    let shop = shop(&api).await;
    let lists = "query ($value: String!) { orders(filter: { metadata: { key: \"erp\", value: $value } }) { totalCount nodes { version } } }";
    for (version, value) in [(2, "1"), (3, "2"), (4, "3")] {
        let found = api.data(shop.staff, lists, json!({ "value": value })).await["orders"]["totalCount"].clone();
        assert_eq!(found, 0);
        let change = json!({ "id": shop.order, "set": item("erp", value), "version": version - 1 });
        let made = update(&api, shop.staff, change.clone()).await;
        assert_eq!((&made["node"]["version"], &made["node"]["metadata"]), (&json!(version), &item("erp", value)));
        let found = api.data(shop.staff, lists, json!({ "value": value })).await;
        assert_eq!(found["orders"], json!({ "totalCount": 1, "nodes": [{ "version": version }] }));
        let stale =
            update(&api, shop.staff, json!({ "id": shop.order, "set": item("erp", "9"), "version": version - 1 }))
                .await;
        let error = json!([{ "code": "VERSION_MISMATCH", "field": ["expectedVersion"] }]);
        assert_eq!(stale, json!({ "node": null, "userErrors": error }));
    }
    let same = update(&api, shop.staff, json!({ "id": shop.order, "set": item("erp", "3") })).await;
    assert_eq!(same["node"]["version"], 4, "the same value is no change");
    let gone = update(&api, shop.staff, json!({ "id": shop.order, "remove": ["erp", "missing"] })).await;
    assert_eq!((&gone["node"]["version"], &gone["node"]["metadata"]), (&json!(5), &json!([])));
    assert_eq!(api.data(shop.staff, lists, json!({ "value": "3" })).await["orders"]["totalCount"], 0);
}

async fn bad_input_changes_nothing(api: TestApi) {
    let shop = shop(&api).await;
    let many: Vec<Value> = (0..51).map(|number| json!({ "key": format!("k{number}"), "value": "" })).collect();
    let twice = json!([{ "key": "a", "value": "1" }, { "key": "a", "value": "2" }]);
    for (change, field) in [
        (json!({}), json!(["set"])),
        (json!({ "set": [], "remove": [] }), json!(["set"])),
        (json!({ "set": item("", "v") }), json!(["set", "0", "key"])),
        (json!({ "set": item("a b", "v") }), json!(["set", "0", "key"])),
        (json!({ "set": item("$where", "v") }), json!(["set", "0", "key"])),
        (json!({ "set": item(&"k".repeat(65), "v") }), json!(["set", "0", "key"])),
        (json!({ "set": item("k", &"v".repeat(1025)) }), json!(["set", "0", "value"])),
        (json!({ "set": item("k", "\u{0}") }), json!(["set", "0", "value"])),
        (json!({ "set": twice }), json!(["set", "1", "key"])),
        (json!({ "set": item("k", "v"), "remove": ["k"] }), json!(["remove"])),
        (json!({ "set": many }), json!(["set"])),
    ] {
        let mut variables = change.clone();
        variables["id"] = shop.order.clone();
        let refused = update(&api, shop.staff, variables).await;
        let error = json!([{ "code": "INVALID_INPUT", "field": field }]);
        assert_eq!(refused, json!({ "node": null, "userErrors": error }), "{change:.100}");
    }
    for id in ["usr_1", "nothing", ""] {
        let refused = update(&api, shop.staff, json!({ "id": id, "set": item("k", "v") })).await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID_INPUT", "field": ["id"] }]));
    }
    let document = "{ orders(filter: { metadata: { key: \"a b\" } }) { totalCount } }";
    assert_eq!(error_codes(&api.response(shop.staff, document, json!({})).await), ["BAD_USER_INPUT"]);
    let version = "query ($id: ID!) { order(id: $id) { version } }";
    assert_eq!(api.data(shop.staff, version, json!({ "id": shop.order })).await["order"]["version"], 1);
}
