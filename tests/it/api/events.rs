//! The event log as staff read it, page by page.

use orderwire::domain::{EntityKind, EventType, Seq, Timestamp, UserRole, Viewer};
use serde_json::{Value, json};

use crate::support::api::{TestApi, error_codes, next};

on_each_engine! {
    the_log_in_pages_is_what_happened_in_order
    filters_of_events_select_kinds_and_entities
    a_page_that_is_cut_short_says_where_to_go_on
    an_event_is_found_by_its_id_as_the_log_has_it
    cursors_of_events_and_subscriptions_are_the_same
    cursors_that_are_pruned_or_not_of_this_log_are_refused
}

const PAGE: &str = "query ($first: Int, $after: EventCursor, $filter: EventFilter) {
    events(first: $first, after: $after, filter: $filter) {
        edges { cursor } nodes { id cursor kind entityId version previousStatus actor { name } occurredAt
            entity { id ... on Product { stock name } ... on Order { status customer { name } } ... on Task { title } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

/// A product that is renamed, sold and archived, an order that is confirmed, a task that is changed and deleted.
struct Story {
    staff: Viewer,
    product: String,
    order: String,
    task: String,
}

async fn story(api: &TestApi) -> Story {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let customer = api.viewer("customer", UserRole::Customer).await;
    let product = api.product(staff, json!({ "sku": "s", "name": "Lamp", "price": "1", "stock": 5 })).await;
    let order = "mutation ($id: ID!) { placeOrder(input: { items: [{ productId: $id, quantity: 2 }], idempotencyKey: \"k\" }) { order { id } } }";
    let order = api.data(customer, order, json!({ "id": product })).await["placeOrder"]["order"]["id"].clone();
    let change = async |document: &str| api.data(staff, document, json!({ "product": product, "order": order })).await;
    change(
        "mutation ($order: ID!) { updateOrderStatus(input: { orderId: $order, status: CONFIRMED }) { order { id } } }",
    )
    .await;
    change("mutation ($product: ID!) { updateProduct(input: { id: $product, name: \"Lantern\" }) { product { id } } }")
        .await;
    change("mutation ($product: ID!) { archiveProduct(input: { id: $product }) { product { id } } }").await;
    let task =
        change("mutation { createTask(input: { title: \"T\" }) { task { id } } }").await["createTask"]["task"]["id"]
            .clone();
    let on_task = async |document: &str| api.data(staff, document, json!({ "task": task })).await;
    on_task("mutation ($task: ID!) { updateTask(input: { id: $task, status: DONE }) { task { id } } }").await;
    on_task("mutation ($task: ID!) { deleteTask(input: { id: $task }) { deletedTaskId } }").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Story { staff, product: text(&product), order: text(&order), task: text(&task) }
}

/// A filter of what is not about users.
fn not_users() -> Value {
    let kinds = EventType::ALL.into_iter().filter(|kind| kind.entity_kind() != EntityKind::User);
    json!({ "kinds": kinds.map(EventType::as_str).collect::<Vec<_>>() })
}

async fn page(api: &TestApi, viewer: Viewer, variables: Value) -> Value {
    api.data(viewer, PAGE, variables).await["events"].clone()
}

fn nodes(page: &Value) -> Vec<Value> {
    page["nodes"].as_array().unwrap().clone()
}

fn kinds(page: &Value) -> Vec<String> {
    nodes(page).iter().map(|node| node["kind"].as_str().unwrap().to_owned()).collect()
}

async fn the_log_in_pages_is_what_happened_in_order(api: TestApi) {
    let Story { staff, product, order, task } = story(&api).await;
    let all = page(&api, staff, json!({ "first": 100, "filter": not_users() })).await;
    let told: Vec<Value> = nodes(&all)
        .iter()
        .map(|node| json!([node["kind"], node["entityId"], node["version"], node["previousStatus"], node["entity"]]))
        .collect();
    let lamp = |name: &str, stock: i32| json!({ "id": product, "stock": stock, "name": name });
    let sold = |status: &str| json!({ "id": order, "status": status, "customer": { "name": "customer" } });
    let work = json!({ "id": task, "title": "T" });
    let expected = [
        json!(["PRODUCT_CREATED", product, 1, null, lamp("Lamp", 5)]),
        json!(["STOCK_CHANGED", product, 2, null, lamp("Lamp", 3)]),
        json!(["ORDER_PLACED", order, 1, null, sold("PENDING")]),
        json!(["ORDER_STATUS_CHANGED", order, 2, "PENDING", sold("CONFIRMED")]),
        json!(["PRODUCT_UPDATED", product, 3, null, lamp("Lantern", 3)]),
        json!(["PRODUCT_ARCHIVED", product, 4, null, lamp("Lantern", 3)]),
        json!(["TASK_CREATED", task, 1, null, work]),
        json!(["TASK_UPDATED", task, 2, null, work]),
        json!(["TASK_DELETED", task, 2, null, work]),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(&expected) {
        // Whether a deleted task has another version is not what this is about.
        let same = told == expected || told[0] == "TASK_DELETED" && told[1] == expected[1] && told[4] == expected[4];
        assert!(same, "{told} is not {expected}");
    }
    let (mut forward, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = page(&api, staff, json!({ "first": 2, "after": after, "filter": not_users() })).await;
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !forward.is_empty());
        if let Some(first) = page["edges"].get(0) {
            assert_eq!(page["pageInfo"]["startCursor"], first["cursor"]);
        }
        forward.extend(nodes(&page));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(forward, nodes(&all));
    assert_eq!(kinds(&page(&api, staff, json!({ "first": 2 })).await), ["USER_REGISTERED", "USER_REGISTERED"]);
    assert_eq!(kinds(&page(&api, staff, json!({ "first": 5, "after": after })).await), [""; 0], "nothing is new");
    api.product(staff, json!({ "sku": "t", "name": "New", "price": "1" })).await;
    assert_eq!(kinds(&page(&api, staff, json!({ "first": 5, "after": after })).await), ["PRODUCT_CREATED"]);
    let none = page(&api, staff, json!({ "first": 0 })).await;
    assert_eq!((nodes(&none).len(), &none["pageInfo"]["hasNextPage"]), (0, &json!(true)));
    let refused = api.response(staff, PAGE, json!({ "first": 101 })).await;
    assert_eq!(error_codes(&refused), ["BAD_USER_INPUT"]);
}

async fn filters_of_events_select_kinds_and_entities(api: TestApi) {
    let Story { staff, product, order, task } = story(&api).await;
    let filtered = async |filter: Value| kinds(&page(&api, staff, json!({ "first": 100, "filter": filter })).await);
    assert_eq!(
        filtered(json!({ "entityId": product })).await,
        ["PRODUCT_CREATED", "STOCK_CHANGED", "PRODUCT_UPDATED", "PRODUCT_ARCHIVED"]
    );
    assert_eq!(filtered(json!({ "entityId": order })).await, ["ORDER_PLACED", "ORDER_STATUS_CHANGED"]);
    assert_eq!(filtered(json!({ "entityId": task, "kinds": ["TASK_DELETED"] })).await, ["TASK_DELETED"]);
    assert_eq!(filtered(json!({ "kinds": ["TASK_CREATED", "ORDER_PLACED"] })).await, ["ORDER_PLACED", "TASK_CREATED"]);
    assert_eq!(filtered(json!({ "kinds": ["STOCK_CHANGED"] })).await, ["STOCK_CHANGED"]);
    assert_eq!(filtered(json!({ "kinds": [], "entityId": order })).await, [""; 0]);
    assert_eq!(filtered(json!({ "kinds": ["ORDER_PLACED"], "entityId": task })).await, [""; 0]);
    let user = api.new_user("other", UserRole::Customer).await;
    api.viewer_of(&user).await;
    assert_eq!(filtered(json!({ "entityId": user.id.to_string() })).await, ["USER_REGISTERED"], "nothing of sessions");
    for id in ["evt_01J9Z3NDEKTSV4RRFFQ69G5FAV", "ord_nothing"] {
        let refused = api.response(staff, PAGE, json!({ "filter": { "entityId": id } })).await;
        assert_eq!(error_codes(&refused), ["BAD_USER_INPUT"], "{id}");
    }
}

async fn a_page_that_is_cut_short_says_where_to_go_on(api: TestApi) {
    let staff = api.viewer("staff", UserRole::Staff).await;
    let product = api.product(staff, json!({ "sku": "s", "name": "P", "price": "1", "stock": 5 })).await;
    let adjust = "mutation ($id: ID!, $delta: Int!) { adjustStock(input: { productId: $id, delta: $delta }) { product { id } } }";
    for _ in 0..1_100 {
        api.data(staff, adjust, json!({ "id": product, "delta": 1 })).await;
    }
    let archive = "mutation ($id: ID!) { archiveProduct(input: { id: $id }) { product { id } } }";
    api.data(staff, archive, json!({ "id": product })).await;
    let filter = json!({ "kinds": ["PRODUCT_ARCHIVED"] });
    let first = page(&api, staff, json!({ "filter": filter })).await;
    assert_eq!((kinds(&first).len(), &first["pageInfo"]["hasNextPage"]), (0, &json!(true)));
    let second = page(&api, staff, json!({ "filter": filter, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(kinds(&second), ["PRODUCT_ARCHIVED"]);
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

async fn an_event_is_found_by_its_id_as_the_log_has_it(api: TestApi) {
    let Story { staff, .. } = story(&api).await;
    let fields = "id cursor kind entityId version previousStatus occurredAt";
    let one = format!(
        "query ($id: ID!) {{ event(id: $id) {{ {fields} }} node(id: $id) {{ id ... on Event {{ {fields} }} }} }}"
    );
    for node in nodes(&page(&api, staff, json!({ "first": 100 })).await) {
        let found = api.data(staff, &one, json!({ "id": node["id"] })).await;
        for (field, value) in found["event"].as_object().unwrap() {
            assert_eq!(value, &node[field]);
        }
        assert_eq!(found["event"], found["node"]);
    }
    let missing = api.data(staff, &one, json!({ "id": "evt_01J9Z3NDEKTSV4RRFFQ69G5FAV" })).await;
    assert_eq!(missing, json!({ "event": null, "node": null }));
    // What only Orderwire itself reads has an id, too.
    api.data(staff, "mutation { logoutEverywhere { userErrors { code } } }", json!({})).await;
    let staff = api.viewer("other", UserRole::Staff).await;
    let log = api.store.read_log(0, orderwire::domain::LogFilter::ALL, 100).await.unwrap();
    let hidden =
        log.events.iter().find(|event| event.event_type().is_none()).expect("the end of a session is an entry");
    let hidden = api.data(staff, &one, json!({ "id": hidden.id.to_string() })).await;
    assert_eq!(hidden, json!({ "event": null, "node": null }));
}

async fn cursors_of_events_and_subscriptions_are_the_same(api: TestApi) {
    let Story { staff, .. } = story(&api).await;
    let orders = json!({ "kinds": ["ORDER_PLACED", "ORDER_STATUS_CHANGED"] });
    let events = page(&api, staff, json!({ "filter": orders })).await;
    let cursors: Vec<Value> = nodes(&events).iter().map(|node| node["cursor"].clone()).collect();
    assert_eq!(
        cursors,
        events["edges"].as_array().unwrap().iter().map(|edge| edge["cursor"].clone()).collect::<Vec<_>>()
    );
    let document = "subscription ($after: EventCursor) { orderUpdates(after: $after) { cursor kind } }";
    let mut updates = api.stream(staff, document, json!({ "after": cursors[0] }));
    let update = next(&mut updates).await.data.into_json().unwrap();
    assert_eq!(update["orderUpdates"], json!({ "cursor": cursors[1], "kind": "STATUS_CHANGED" }));
    let rest = page(&api, staff, json!({ "after": update["orderUpdates"]["cursor"], "filter": orders })).await;
    assert_eq!(kinds(&rest), [""; 0]);
    let head = api.data(staff, "{ eventCursor }", json!({})).await;
    assert_eq!(kinds(&page(&api, staff, json!({ "after": head["eventCursor"] })).await), [""; 0]);
}

async fn cursors_that_are_pruned_or_not_of_this_log_are_refused(api: TestApi) {
    let Story { staff, .. } = story(&api).await;
    let all = page(&api, staff, json!({ "first": 100 })).await;
    let first = all["edges"][0]["cursor"].clone();
    let state = api.store.log_state().await.unwrap();
    let past_the_end = orderwire::domain::EventCursor::after(state.log, Seq::from(1_000_000)).to_string();
    for (cursor, code) in [(past_the_end.as_str(), "BAD_USER_INPUT"), ("c0000000000000000000000000", "BAD_USER_INPUT")]
    {
        let refused = api.response(staff, PAGE, json!({ "after": cursor })).await;
        assert_eq!(error_codes(&refused), [code], "{cursor}");
    }
    let future = Timestamp::from_unix_millis(i64::from(i32::MAX) * 1000);
    api.store.prune(Timestamp::from_unix_millis(0), future, future).await.unwrap();
    let refused = api.response(staff, PAGE, json!({ "after": first })).await;
    assert_eq!(error_codes(&refused), ["CURSOR_EXPIRED"]);
    let left = page(&api, staff, json!({})).await;
    assert!(kinds(&left).len() <= 11, "without a cursor the log begins with what is left");
}
