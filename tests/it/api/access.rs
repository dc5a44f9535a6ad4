//! Authorisation: every query, mutation, subscription and private field, called as an anonymous viewer, a stranger,
//! the owner, staff and an admin. An operation or field that is missing from the tables fails the test.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, poll};
use orderwire::domain::{Scope, UserRole, Viewer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    api::{PASSWORD, TestApi, error_codes, next},
    schema::objects,
};

on_each_engine! {
    every_operation_is_checked_for_every_role
    every_private_field_is_checked_for_every_role
    subscribers_get_only_entities_they_may_see
}

/// What an anonymous viewer, a stranger, the owner, staff and an admin get.
type Expected = [&'static str; 5];

const ANYONE: Expected = ["ok"; 5];
const SIGNED_IN: Expected = ["UNAUTHENTICATED", "ok", "ok", "ok", "ok"];
const STAFF: Expected = ["UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN", "ok", "ok"];
const ADMIN: Expected = ["UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "ok"];
const OWN_OR_STAFF: Expected = ["UNAUTHENTICATED", "null", "ok", "ok", "ok"];

/// What an API key gets: the scope that decides, what keys with it get and what keys without it get. Without such a scope all keys
/// get the same.
pub(super) type ByKey = (Option<Scope>, &'static str, &'static str);

const fn by(scope: Scope, with: &'static str, without: &'static str) -> ByKey {
    (Some(scope), with, without)
}

const fn whatever(outcome: &'static str) -> ByKey {
    (None, outcome, outcome)
}

/// Each root field, a call of it and the expected results.
pub(super) const OPERATIONS: &[(&str, &str, Expected, ByKey)] = &[
    ("Query.node", "node(id: $order) { id }", OWN_OR_STAFF, by(Scope::ReadOrders, "ok", "null")),
    ("Query.node", "node(id: $task) { id }", OWN_OR_STAFF, by(Scope::ReadTasks, "ok", "null")),
    ("Query.node", "node(id: $user) { id }", OWN_OR_STAFF, by(Scope::ReadUsers, "ok", "null")),
    ("Query.node", "node(id: $product) { id }", ANYONE, whatever("ok")),
    (
        "Query.node",
        "node(id: $archived) { id }",
        ["null", "null", "null", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "null"),
    ),
    (
        "Query.nodes",
        "nodes(ids: [$order]) { id }",
        ["UNAUTHENTICATED", "[null]", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "[null]"),
    ),
    ("Query.me", "me { id }", ["null", "ok", "ok", "ok", "ok"], whatever("null")),
    ("Query.product", "product(id: $product) { id }", ANYONE, whatever("ok")),
    (
        "Query.product",
        "product(id: $archived) { id }",
        ["null", "null", "null", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "null"),
    ),
    (
        "Query.productBySku",
        "productBySku(sku: $archivedSku) { id }",
        ["null", "null", "null", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "null"),
    ),
    ("Query.products", "products { nodes { id } }", ANYONE, whatever("ok")),
    (
        "Query.products",
        "products(filter: { status: ARCHIVED }) { nodes { id } }",
        ["empty", "empty", "empty", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "empty"),
    ),
    (
        "Query.products",
        "products(filter: { ids: [$archived] }) { nodes { id } }",
        ["empty", "empty", "empty", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "empty"),
    ),
    ("Query.trendingProducts", "trendingProducts { id }", ANYONE, whatever("ok")),
    ("Query.user", "user(id: $user) { id }", OWN_OR_STAFF, by(Scope::ReadUsers, "ok", "null")),
    ("Query.users", "users { nodes { id } }", STAFF, by(Scope::ReadUsers, "ok", "FORBIDDEN")),
    ("Query.users", "users { totalCount }", STAFF, by(Scope::ReadUsers, "ok", "FORBIDDEN")),
    ("Query.order", "order(id: $order) { id }", OWN_OR_STAFF, by(Scope::ReadOrders, "ok", "null")),
    ("Query.orderByNumber", "orderByNumber(number: $number) { id }", OWN_OR_STAFF, by(Scope::ReadOrders, "ok", "null")),
    (
        "Query.orders",
        "orders { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Query.orders",
        "orders(filter: { customerId: $user }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Query.orders",
        "orders(filter: { productId: $product }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    ("Query.eventCursor", "eventCursor", SIGNED_IN, whatever("ok")),
    ("Query.task", "task(id: $task) { id }", OWN_OR_STAFF, by(Scope::ReadTasks, "ok", "null")),
    (
        "Query.tasks",
        "tasks { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    ("Query.events", "events { nodes { id } }", STAFF, by(Scope::ReadEvents, "ok", "FORBIDDEN")),
    (
        "Query.events",
        "events(filter: { entityId: $order }) { nodes { id } }",
        STAFF,
        by(Scope::ReadEvents, "ok", "FORBIDDEN"),
    ),
    ("Query.event", "event(id: $event) { id }", STAFF, by(Scope::ReadEvents, "ok", "FORBIDDEN")),
    (
        "Query.node",
        "node(id: $event) { id }",
        ["UNAUTHENTICATED", "null", "null", "ok", "ok"],
        by(Scope::ReadEvents, "ok", "null"),
    ),
    ("Query.webhook", "webhook(id: $webhook) { id }", STAFF, by(Scope::ManageWebhooks, "ok", "FORBIDDEN")),
    ("Query.webhooks", "webhooks { nodes { id } }", STAFF, by(Scope::ManageWebhooks, "ok", "FORBIDDEN")),
    (
        "Query.webhooks",
        "webhooks { nodes { deliveries { nodes { id } } } }",
        STAFF,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Query.node",
        "node(id: $webhook) { id }",
        ["UNAUTHENTICATED", "null", "null", "ok", "ok"],
        by(Scope::ManageWebhooks, "ok", "null"),
    ),
    (
        "Query.tasks",
        "tasks(filter: { createdById: $user }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Query.tasks",
        "tasks(filter: { orderId: $order }) { nodes { id } }",
        ["UNAUTHENTICATED", "empty", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    ("Query.node", "node(id: $key) { id }", ["UNAUTHENTICATED", "null", "null", "null", "ok"], whatever("null")),
    ("Query.apiKeys", "apiKeys { nodes { id } }", ADMIN, whatever("FORBIDDEN")),
    ("Query.apiKeys", "apiKeys { totalCount }", ADMIN, whatever("FORBIDDEN")),
    (
        "Mutation.register",
        "register(input: { email: $fresh, password: $password, name: \"New\" }) { session { accessToken } userErrors { code } }",
        ANYONE,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.login",
        "login(input: { email: \"owner@example.com\", password: $password }) { session { accessToken } userErrors { code } }",
        ANYONE,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.refreshSession",
        "refreshSession(input: { refreshToken: $fresh }) { userErrors { code } }",
        ["BAD_CREDENTIALS"; 5],
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.createStreamTicket",
        "createStreamTicket(input: { query: \"subscription { taskUpdates { kind } }\" }) { ticket { value } userErrors { code } }",
        SIGNED_IN,
        whatever("FORBIDDEN"),
    ),
    ("Mutation.logout", "logout { userErrors { code } }", SIGNED_IN, whatever("FORBIDDEN")),
    ("Mutation.logoutEverywhere", "logoutEverywhere { userErrors { code } }", SIGNED_IN, whatever("FORBIDDEN")),
    (
        "Mutation.updateProfile",
        "updateProfile(input: { region: \"France\" }) { user { id } userErrors { code } }",
        SIGNED_IN,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.changePassword",
        "changePassword(input: { currentPassword: $password, newPassword: $password }) { user { id } userErrors { code } }",
        SIGNED_IN,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.updateUserRole",
        "updateUserRole(input: { userId: $user, role: CUSTOMER }) { user { id } userErrors { code } }",
        ADMIN,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.deleteUser",
        "deleteUser(input: { userId: $bystander }) { user { id } userErrors { code } }",
        ADMIN,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.createApiKey",
        "createApiKey(input: { name: \"K\", scopes: [READ_ORDERS] }) { apiKey { id } userErrors { code } }",
        ADMIN,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.revokeApiKey",
        "revokeApiKey(input: { id: $key }) { apiKey { id } userErrors { code } }",
        ADMIN,
        whatever("FORBIDDEN"),
    ),
    (
        "Mutation.createProduct",
        "createProduct(input: { sku: $fresh, name: \"New\", price: \"1\" }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateProduct",
        "updateProduct(input: { id: $product, price: \"2\" }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.adjustStock",
        "adjustStock(input: { productId: $product, delta: 1 }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.archiveProduct",
        "archiveProduct(input: { id: $archived }) { product { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteProducts, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.placeOrder",
        "placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: $fresh }) { order { id } userErrors { code } }",
        SIGNED_IN,
        by(Scope::WriteOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.placeOrder",
        "placeOrder(input: { items: [{ productId: $archived, quantity: 1 }], idempotencyKey: $fresh }) { order { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"],
        by(Scope::WriteOrders, "NOT_FOUND", "FORBIDDEN"),
    ),
    (
        "Mutation.updateOrderStatus",
        "updateOrderStatus(input: { orderId: $order, status: CONFIRMED }) { order { id } userErrors { code } }",
        STAFF,
        by(Scope::WriteOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.cancelOrder",
        "cancelOrder(input: { orderId: $order }) { order { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.createTask",
        "createTask(input: { title: \"New\" }) { task { id } userErrors { code } }",
        SIGNED_IN,
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.createTask",
        "createTask(input: { title: \"New\", orderId: $order }) { task { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.createTask",
        "createTask(input: { title: \"New\", assigneeId: $bystander }) { task { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "NOT_FOUND", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateTask",
        "updateTask(input: { id: $task, title: \"Other\" }) { task { id } userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.deleteTask",
        "deleteTask(input: { id: $task }) { deletedTaskId userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.deleteTask",
        "deleteTask(input: { id: $assigned }) { deletedTaskId userErrors { code } }",
        ["UNAUTHENTICATED", "NOT_FOUND", "FORBIDDEN", "ok", "ok"],
        by(Scope::WriteTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Subscription.orderUpdates",
        "orderUpdates { kind }",
        ["UNAUTHENTICATED", "waits", "waits", "waits", "waits"],
        by(Scope::ReadOrders, "waits", "FORBIDDEN"),
    ),
    (
        "Mutation.createWebhook",
        "createWebhook(input: { url: \"http://127.0.0.1:9999/\", kinds: [ORDER_PLACED] }) { webhook { id } userErrors { code } }",
        ADMIN,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.updateWebhook",
        "updateWebhook(input: { id: $webhook, paused: true }) { webhook { id } userErrors { code } }",
        ADMIN,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.rotateWebhookSecret",
        "rotateWebhookSecret(input: { id: $webhook }) { webhook { id } userErrors { code } }",
        ADMIN,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.replayWebhook",
        "replayWebhook(input: { id: $webhook, after: $cursor }) { webhook { id } userErrors { code } }",
        ADMIN,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.testWebhook",
        "testWebhook(input: { id: $webhook }) { delivery { id } userErrors { code } }",
        ADMIN,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Mutation.deleteWebhook",
        "deleteWebhook(input: { id: $webhook }) { deletedWebhookId userErrors { code } }",
        ADMIN,
        by(Scope::ManageWebhooks, "ok", "FORBIDDEN"),
    ),
    (
        "Subscription.orderUpdates",
        "orderUpdates(orderId: $order) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::ReadOrders, "ok", "FORBIDDEN"),
    ),
    (
        "Subscription.orderUpdates",
        "orderUpdates(customerId: $user) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "waits", "waits", "waits"],
        by(Scope::ReadOrders, "waits", "FORBIDDEN"),
    ),
    (
        "Subscription.taskUpdates",
        "taskUpdates { kind }",
        ["UNAUTHENTICATED", "waits", "waits", "waits", "waits"],
        by(Scope::ReadTasks, "waits", "FORBIDDEN"),
    ),
    (
        "Subscription.taskUpdates",
        "taskUpdates(taskId: $task) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "ok", "ok", "ok"],
        by(Scope::ReadTasks, "ok", "FORBIDDEN"),
    ),
    (
        "Subscription.taskUpdates",
        "taskUpdates(assigneeId: $user) { kind }",
        ["UNAUTHENTICATED", "NOT_FOUND", "waits", "waits", "waits"],
        by(Scope::ReadTasks, "waits", "FORBIDDEN"),
    ),
    ("Subscription.stockUpdates", "stockUpdates(productIds: [$product]) { id }", ANYONE, whatever("ok")),
    (
        "Subscription.stockUpdates",
        "stockUpdates(productIds: [$archived]) { id }",
        ["NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "ok", "ok"],
        by(Scope::ReadProducts, "ok", "NOT_FOUND"),
    ),
];

/// What signed-in viewers see of the people on a task that staff created for the owner and for a stranger.
/// Columns: the assigned owner looking at staff, the owner looking at themself, staff looking at the owner.
const PERSONAL_FIELDS: &[(&str, &str, [&str; 3])] = &[
    ("email", "email", ["null", "ok", "ok"]),
    ("region", "region", ["null", "ok", "ok"]),
    ("orders", "orders { nodes { id } }", ["empty", "ok", "ok"]),
    ("tasks", "tasks { nodes { id } }", ["empty", "ok", "ok"]),
];

/// Fields of a user that are visible to everyone who sees an order or task of that user.
const NAME_FIELDS: [&str; 6] = ["id", "name", "role", "version", "createdAt", "updatedAt"];

/// Variables available to the operations, with their types.
const VARIABLES: [(&str, &str); 16] = [
    ("event", "ID!"),
    ("webhook", "ID!"),
    ("cursor", "EventCursor!"),
    ("user", "ID!"),
    ("bystander", "ID!"),
    ("order", "ID!"),
    ("others", "ID!"),
    ("number", "String!"),
    ("task", "ID!"),
    ("assigned", "ID!"),
    ("product", "ID!"),
    ("archived", "ID!"),
    ("archivedSku", "String!"),
    ("key", "ID!"),
    ("fresh", "String!"),
    ("password", "String!"),
];

/// Declares the variables that occur in `selection`.
fn declarations(selection: &str) -> String {
    let names: BTreeSet<&str> =
        selection.split('$').skip(1).filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()).collect();
    let used: Vec<String> =
        VARIABLES.iter().filter(|(name, _)| names.contains(name)).map(|(name, ty)| format!("${name}: {ty}")).collect();
    if used.is_empty() { String::new() } else { format!("({})", used.join(", ")) }
}

pub(super) struct Shop {
    pub(super) viewers: [Viewer; 5],
    variables: Value,
    /// The key that the last variables name.
    last_key: Mutex<Option<Value>>,
}

/// An owner with an order, a task of their own and one that staff created for them; active and archived products.
pub(super) async fn shop(api: &TestApi) -> Shop {
    let owner = api.viewer("owner", UserRole::Customer).await;
    let stranger = api.viewer("stranger", UserRole::Customer).await;
    let staff = api.viewer("staff", UserRole::Staff).await;
    let admin = api.viewer("admin", UserRole::Admin).await;
    let product = |sku: &str| json!({ "sku": sku, "name": "P", "price": "1", "stock": 1000 });
    let on_sale = api.product(staff, product("on-sale")).await;
    let archived = api.product(staff, product("archived")).await;
    api.data(
        staff,
        "mutation ($id: ID!) { archiveProduct(input: { id: $id }) { product { id } } }",
        json!({ "id": archived }),
    )
    .await;
    let variables = json!({
        "user": owner.user_id().unwrap().to_string(),
        "product": on_sale,
        "archived": archived,
        "archivedSku": "archived",
        "password": PASSWORD,
    });
    Shop { viewers: [Viewer::Anonymous, stranger, owner, staff, admin], variables, last_key: Mutex::default() }
}

impl Shop {
    /// Gives each signed-in viewer a new session.
    pub(super) async fn sign_in_again(&mut self, api: &TestApi) {
        for viewer in &mut self.viewers {
            if let Some(user) = viewer.user_id() {
                *viewer = api.service.open_session(&Viewer::System, user).await.unwrap().viewer();
            }
        }
    }

    /// Values of the variables, with a new order, new tasks, a new bystander, an unused text, and a new webhook if the selection
    /// names one.
    pub(super) async fn variables(&self, api: &TestApi, fresh: &str, selection: &str) -> Value {
        let [_, _, owner, staff, admin] = self.viewers;
        let mut variables = self.variables.clone();
        let key = "mutation { createApiKey(input: { name: \"K\", scopes: [READ_ORDERS] }) { apiKey { id } } }";
        let revoke = "mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { userErrors { code } } }";
        let last = self.last_key.lock().take();
        if let Some(last) = last {
            api.data(admin, revoke, json!({ "id": last })).await;
        }
        variables["key"] = api.data(admin, key, json!({})).await["createApiKey"]["apiKey"]["id"].clone();
        *self.last_key.lock() = Some(variables["key"].clone());
        let order = "mutation ($product: ID!, $key: String!) { placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: $key }) { order { id number } } }";
        let placed =
            api.data(owner, order, json!({ "product": variables["product"], "key": format!("shop {fresh}") })).await;
        let order = &placed["placeOrder"]["order"];
        let task = "mutation ($assignee: ID, $order: ID) { createTask(input: { title: \"T\", assigneeId: $assignee, orderId: $order }) { task { id } } }";
        let own = api.data(owner, task, json!({ "order": order["id"] })).await;
        let assigned = api.data(staff, task, json!({ "assignee": variables["user"] })).await;
        let bystander = api.new_user(&format!("bystander-{fresh}"), UserRole::Customer).await;
        let events = "query ($id: ID!) { events(filter: { entityId: $id }) { nodes { id } } }";
        let of_order = api.data(staff, events, json!({ "id": order["id"] })).await;
        if selection.contains("$webhook") {
            variables["webhook"] = api.new_webhook().await.id.to_string().into();
        }
        variables["cursor"] = api.data(staff, "{ eventCursor }", json!({})).await["eventCursor"].clone();
        variables["event"] = of_order["events"]["nodes"][0]["id"].clone();
        variables["order"] = order["id"].clone();
        variables["number"] = order["number"].clone();
        variables["task"] = own["createTask"]["task"]["id"].clone();
        variables["assigned"] = assigned["createTask"]["task"]["id"].clone();
        variables["bystander"] = bystander.id.to_string().into();
        variables["fresh"] = format!("{fresh}@example.com").into();
        variables
    }
}

/// Reduces a field's value to `ok` or `null`.
fn outcome(value: &Value) -> String {
    let first_error = value.get("userErrors").and_then(|errors| errors.get(0)).map(|error| &error["code"]);
    match (value, first_error) {
        (Value::Null, _) => "null".to_owned(),
        (_, Some(code)) => code.as_str().unwrap().to_owned(),
        (Value::Array(values), _) if values.iter().all(Value::is_null) && !values.is_empty() => "[null]".to_owned(),
        (Value::Object(fields), _) if fields.get("nodes") == Some(&json!([])) => "empty".to_owned(),
        _ => "ok".to_owned(),
    }
}

/// How long a subscription must be silent to count as waiting: if that is expected, and if it is not.
pub(super) fn patience(expected: &str) -> Duration {
    if expected == "waits" { Duration::from_millis(100) } else { Duration::from_secs(10) }
}

pub(super) async fn run(
    api: &TestApi,
    viewer: Viewer,
    root: &str,
    selection: &str,
    variables: Value,
    patience: Duration,
) -> String {
    let (kind, field) = root.split_once('.').unwrap();
    let document = format!("{} {} {{ {selection} }}", kind.to_lowercase(), declarations(selection));
    let response = match kind {
        "Subscription" => {
            let mut stream = api.stream(viewer, &document, variables);
            match timeout(patience, stream.next()).await {
                Ok(response) => response.unwrap(),
                Err(_) => return "waits".to_owned(),
            }
        }
        _ => api.response(viewer, &document, variables).await,
    };
    match error_codes(&response).first() {
        Some(code) => code.clone(),
        None => outcome(&response.data.into_json().unwrap()[field]),
    }
}

pub(super) fn schema_fields(types: &[&str]) -> BTreeSet<String> {
    let objects = objects().into_iter().filter(|(name, _)| types.contains(&name.as_str()));
    let fields =
        objects.flat_map(|(name, fields)| fields.into_iter().map(move |field| format!("{name}.{}", field.name.node)));
    fields.collect()
}

async fn every_operation_is_checked_for_every_role(api: TestApi) {
    let swept: BTreeSet<String> = OPERATIONS.iter().map(|(root, ..)| (*root).to_owned()).collect();
    assert_eq!(swept, schema_fields(&["Query", "Mutation", "Subscription"]));

    let mut shop = shop(&api).await;
    let mut surprises = Vec::new();
    let unchanged = shop.variables(&api, "unchanged", "$webhook").await;
    for (row, (root, selection, expected, _)) in OPERATIONS.iter().enumerate() {
        for (column, expected) in expected.iter().enumerate() {
            let variables = match root.split_once('.') {
                Some(("Mutation", _)) => {
                    // The mutation before may have ended sessions.
                    shop.sign_in_again(&api).await;
                    shop.variables(&api, &format!("{row}-{column}"), selection).await
                }
                _ => unchanged.clone(),
            };
            let viewer = shop.viewers[column];
            let actual = run(&api, viewer, root, selection, variables, patience(expected)).await;
            if actual != *expected {
                surprises.push(format!("{selection} as {viewer:?}: {actual} instead of {expected}"));
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

async fn every_private_field_is_checked_for_every_role(api: TestApi) {
    let tabled = PERSONAL_FIELDS.iter().map(|(field, ..)| *field).chain(NAME_FIELDS);
    assert_eq!(tabled.map(|field| format!("User.{field}")).collect::<BTreeSet<_>>(), schema_fields(&["User"]));

    let shop = shop(&api).await;
    let [_, _, owner, staff, _] = shop.viewers;
    let variables = shop.variables(&api, "fields", "").await;
    // Staff have private fields, too.
    api.data(staff, "mutation ($product: ID!) { placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: \"k\" }) { order { id } } }", json!({ "product": variables["product"] })).await;
    for (_, selection, expected) in PERSONAL_FIELDS {
        let field = selection.split(' ').next().unwrap();
        let person = format!(
            "query ($assigned: ID!) {{ task(id: $assigned) {{ createdBy {{ {selection} }} assignee {{ {selection} }} }} }}"
        );
        let of = |value: &Value, person: &str| outcome(&value["task"][person][field]);
        let seen_by_owner = api.data(owner, &person, json!({ "assigned": variables["assigned"] })).await;
        let seen_by_staff = api.data(staff, &person, json!({ "assigned": variables["assigned"] })).await;
        let actual = [of(&seen_by_owner, "createdBy"), of(&seen_by_owner, "assignee"), of(&seen_by_staff, "assignee")];
        assert_eq!(actual, *expected, "{field}");
    }
}

async fn subscribers_get_only_entities_they_may_see(api: TestApi) {
    let shop = shop(&api).await;
    let [_, stranger, owner, staff, _] = shop.viewers;
    let document = "subscription { orderUpdates { order { customer { name } } } }";
    let mut streams = [stranger, owner, staff].map(|viewer| api.stream(viewer, document, json!({})));
    for stream in &mut streams {
        assert!(poll!(stream.next()).is_pending());
    }
    let place = "mutation ($product: ID!) { placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: \"live\" }) { order { id } } }";
    for viewer in [owner, stranger] {
        api.data(viewer, place, json!({ "product": shop.variables["product"] })).await;
    }
    let [stranger, owner, staff] = &mut streams;
    for (stream, names) in [(stranger, vec!["stranger"]), (owner, vec!["owner"]), (staff, vec!["owner", "stranger"])] {
        for name in names {
            let update = next(stream).await.data.into_json().unwrap();
            assert_eq!(update["orderUpdates"]["order"]["customer"]["name"], name);
        }
    }
}
