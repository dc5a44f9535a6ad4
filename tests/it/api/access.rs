//! Authorisation: every query, mutation, subscription and private field, called as an anonymous viewer, a stranger,
//! the owner, staff and an admin. An operation or field that is missing from the tables fails the test.

mod operations;

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, poll};
use orderwire::domain::{UserRole, Viewer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    api::{PASSWORD, TestApi, error_codes, next},
    schema::objects,
};
pub(super) use operations::OPERATIONS;

on_each_engine! {
    every_operation_is_checked_for_every_role
    every_private_field_is_checked_for_every_role
    subscribers_get_only_entities_they_may_see
}

/// What signed-in viewers see of the people on a task that staff created for the owner and for a stranger.
/// Columns: the assigned owner looking at staff, the owner looking at themself, staff looking at the owner.
const PERSONAL_FIELDS: &[(&str, &str, [&str; 3])] = &[
    ("email", "email", ["null", "ok", "ok"]),
    ("region", "region", ["null", "ok", "ok"]),
    ("orders", "orders { nodes { id } }", ["empty", "ok", "ok"]),
    ("tasks", "tasks { nodes { id } }", ["empty", "ok", "ok"]),
    ("metadata", "metadata { key }", ["empty", "ok", "ok"]),
    ("privateMetadata", "privateMetadata { key }", ["empty", "empty", "ok"]),
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
        (Value::Array(values), _) if values.is_empty() => "empty".to_owned(),
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
    let [_, _, owner, staff, admin] = shop.viewers;
    let variables = shop.variables(&api, "fields", "").await;
    let keep = "mutation ($id: ID!, $private: Boolean!) {
        updateMetadata(input: { id: $id, set: [{ key: \"k\", value: \"v\" }], private: $private }) { userErrors { code } } }";
    for id in [owner, staff].map(|viewer| viewer.user_id().unwrap().to_string()) {
        for private in [true, false] {
            api.data(admin, keep, json!({ "id": id, "private": private })).await;
        }
    }
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
