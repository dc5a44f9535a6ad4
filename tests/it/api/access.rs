//! Authorisation: every query, mutation, subscription and private field, called as an anonymous viewer, a stranger,
//! the owner, staff and an admin. An operation or field that is missing from the tables fails the test.

mod operations;
mod shop;

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, poll};
use orderwire::domain::Viewer;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    api::{TestApi, error_codes, next},
    schema::objects,
};
pub(super) use operations::{Needed, OPERATIONS};
use shop::declarations;
pub(super) use shop::{all_variables, shop};

on_each_engine! {
    anonymous_viewers_get_what_the_table_says
    strangers_get_what_the_table_says
    owners_get_what_the_table_says
    staff_get_what_the_table_says
    admins_get_what_the_table_says
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

#[test]
fn every_operation_has_its_row() {
    let swept: BTreeSet<String> = OPERATIONS.iter().map(|(root, ..)| (*root).to_owned()).collect();
    assert_eq!(swept, schema_fields(&["Query", "Mutation", "Subscription"]));
}

async fn anonymous_viewers_get_what_the_table_says(api: TestApi) {
    check_column(&api, 0).await;
}

async fn strangers_get_what_the_table_says(api: TestApi) {
    check_column(&api, 1).await;
}

async fn owners_get_what_the_table_says(api: TestApi) {
    check_column(&api, 2).await;
}

async fn staff_get_what_the_table_says(api: TestApi) {
    check_column(&api, 3).await;
}

async fn admins_get_what_the_table_says(api: TestApi) {
    check_column(&api, 4).await;
}

/// Runs every operation as one of the viewers.
async fn check_column(api: &TestApi, column: usize) {
    let mut shop = shop(api).await;
    let mut surprises = Vec::new();
    let unchanged = shop.variables(api, "unchanged", &all_variables()).await;
    for (row, (root, selection, expected, _)) in OPERATIONS.iter().enumerate() {
        let expected = expected[column];
        let variables = match root.split_once('.') {
            Some(("Mutation", _)) => {
                // The mutation before may have ended sessions.
                shop.sign_in_again(api).await;
                shop.variables(api, &format!("{row}-{column}"), selection).await
            }
            _ => unchanged.clone(),
        };
        let viewer = shop.viewers[column];
        let actual = run(api, viewer, root, selection, variables, patience(expected)).await;
        if actual != expected {
            surprises.push(format!("{selection} as {viewer:?}: {actual} instead of {expected}"));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

async fn every_private_field_is_checked_for_every_role(api: TestApi) {
    let tabled = PERSONAL_FIELDS.iter().map(|(field, ..)| *field).chain(NAME_FIELDS);
    assert_eq!(tabled.map(|field| format!("User.{field}")).collect::<BTreeSet<_>>(), schema_fields(&["User"]));

    let shop = shop(&api).await;
    let [_, _, owner, staff, admin] = shop.viewers;
    let variables = shop.variables(&api, "fields", "$assigned $order $task").await;
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
