//! Updates that change nothing: without a field, with null where there must be a value, with the values there are.

use futures_util::StreamExt;
use orderwire::{domain::UserRole, storage::LogState};
use serde_json::{Value, json};

use crate::support::api::{TestApi, next};

on_each_engine! {
    an_update_without_a_field_is_invalid_input_and_changes_nothing
    null_for_a_field_that_must_have_a_value_is_invalid_input
    an_absent_variable_leaves_its_field_alone_and_null_clears_it
    an_update_to_the_same_values_makes_no_version_and_no_event
    an_update_of_nothing_reaches_no_subscriber
}

const TASK: &str = "mutation ($input: UpdateTaskInput!) { update: updateTask(input: $input) {
    entity: task { version updatedAt } userErrors { code field message } } }";
const PRODUCT: &str = "mutation ($input: UpdateProductInput!) { update: updateProduct(input: $input) {
    entity: product { version updatedAt } userErrors { code field message } } }";
const PROFILE: &str = "mutation ($input: UpdateProfileInput!) { update: updateProfile(input: $input) {
    entity: user { version updatedAt } userErrors { code field message } } }";

/// A staff member with a task and a product.
struct Things {
    api: TestApi,
    staff: orderwire::domain::Viewer,
    task: Value,
    product: Value,
}

impl Things {
    async fn new(api: TestApi) -> Self {
        let staff = api.viewer("staff", UserRole::Staff).await;
        let product = json!({ "sku": "A", "name": "Lamp", "description": "bright", "price": "1.50", "stock": 5, "tags": ["a", "b"] });
        let product = api.product(staff, product).await;
        let create = "mutation { createTask(input: { title: \"Dust\", description: \"all\", dueAt: \"2026-01-31T09:30:00Z\" }) { task { id } } }";
        let task = api.data(staff, create, json!({})).await["createTask"]["task"]["id"].clone();
        Self { api, staff, task, product }
    }

    /// Sends an update, with the id that it needs.
    async fn update(&self, mutation: &str, input: &Value) -> Value {
        let mut input = input.clone();
        match mutation {
            TASK => input["id"] = self.task.clone(),
            PRODUCT => input["id"] = self.product.clone(),
            _ => {}
        }
        self.api.data(self.staff, mutation, json!({ "input": input })).await["update"].clone()
    }

    /// The whole state, which a refused update leaves as it is.
    async fn state(&self) -> (Value, LogState) {
        let query = "query ($task: ID!, $product: ID!) {
            task(id: $task) { title description status priority dueAt assignee { id } version updatedAt }
            product(id: $product) { name description price { amount } tags stock status version updatedAt }
            me { name email region role version updatedAt } }";
        let variables = json!({ "task": self.task, "product": self.product });
        self.api.store.catch_up_log().await.unwrap();
        (self.api.data(self.staff, query, variables).await, self.api.store.log_state().await.unwrap())
    }
}

async fn an_update_without_a_field_is_invalid_input_and_changes_nothing(api: TestApi) {
    let things = Things::new(api).await;
    let before = things.state().await;
    for mutation in [TASK, PRODUCT, PROFILE] {
        let inputs = [
            json!({}),
            json!({ "expectedVersion": 1 }),
            json!({ "expectedVersion": 7 }),
            json!({ "expectedVersion": null }),
        ];
        for input in inputs.iter().take(if mutation == PROFILE { 1 } else { 4 }) {
            let payload = things.update(mutation, input).await;
            let message = "there is nothing to change: give a new value for a field";
            let error = json!({ "code": "INVALID_INPUT", "field": null, "message": message });
            assert_eq!(payload, json!({ "entity": null, "userErrors": [error] }), "{mutation} {input}");
        }
    }
    let adjust = "mutation ($id: ID!) { adjustStock(input: { productId: $id, delta: 0 }) { product { id } userErrors { code field } } }";
    let payload = things.api.data(things.staff, adjust, json!({ "id": things.product })).await["adjustStock"].clone();
    assert_eq!(payload, json!({ "product": null, "userErrors": [{ "code": "INVALID_INPUT", "field": ["delta"] }] }));
    assert_eq!(things.state().await, before);
}

async fn null_for_a_field_that_must_have_a_value_is_invalid_input(api: TestApi) {
    let things = Things::new(api).await;
    let before = things.state().await;
    for (mutation, fields, other) in [
        (TASK, &["title", "status", "priority"][..], json!({ "description": "x" })),
        (PRODUCT, &["name", "price", "tags"], json!({ "description": "x" })),
        (PROFILE, &["name", "email"], json!({ "region": "France" })),
    ] {
        let fault = |field: &str| {
            let message = "must not be null: leave it out to keep its value";
            json!({ "code": "INVALID_INPUT", "field": [field], "message": message })
        };
        for field in fields {
            for mut input in [json!({}), other.clone()] {
                input[*field] = Value::Null;
                let payload = things.update(mutation, &input).await;
                assert_eq!(payload, json!({ "entity": null, "userErrors": [fault(field)] }), "{input}");
            }
        }
        let all: Value = fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
        let faults: Vec<Value> = fields.iter().map(|field| fault(field)).collect();
        assert_eq!(things.update(mutation, &all).await, json!({ "entity": null, "userErrors": faults }));
    }
    assert_eq!(things.state().await, before);
    // A literal null is refused like one in a variable.
    let literal =
        "mutation ($id: ID!) { updateTask(input: { id: $id, title: null }) { task { id } userErrors { code field } } }";
    let payload = things.api.data(things.staff, literal, json!({ "id": things.task })).await["updateTask"].clone();
    assert_eq!(payload, json!({ "task": null, "userErrors": [{ "code": "INVALID_INPUT", "field": ["title"] }] }));
}

async fn an_absent_variable_leaves_its_field_alone_and_null_clears_it(api: TestApi) {
    let things = Things::new(api).await;
    let update = "mutation ($id: ID!, $title: String, $description: String, $due: DateTime) { updateTask(input: { id: $id, title: $title,
        description: $description, dueAt: $due }) { task { title description dueAt } userErrors { field } } }";
    let id = &things.task;
    let due = "2026-01-31T09:30:00.000Z";
    for (variables, expected) in [
        (
            json!({ "id": id, "description": "new", "due": due }),
            json!({ "title": "Dust", "description": "new", "dueAt": due }),
        ),
        (json!({ "id": id, "title": "Sweep" }), json!({ "title": "Sweep", "description": "new", "dueAt": due })),
        (json!({ "id": id, "description": null }), json!({ "title": "Sweep", "description": null, "dueAt": due })),
        (json!({ "id": id, "due": null }), json!({ "title": "Sweep", "description": null, "dueAt": null })),
    ] {
        let payload = things.api.data(things.staff, update, variables.clone()).await["updateTask"].clone();
        assert_eq!(payload, json!({ "task": expected, "userErrors": [] }), "{variables}");
    }
}

async fn an_update_to_the_same_values_makes_no_version_and_no_event(api: TestApi) {
    let things = Things::new(api).await;
    let (state, log) = things.state().await;
    for (mutation, inputs, entity) in [
        (
            TASK,
            vec![
                json!({ "title": "Dust" }),
                json!({ "title": "  Dust ", "status": "TODO", "priority": "MEDIUM" }),
                json!({ "description": "all", "dueAt": "2026-01-31T10:30:00.0001+01:00", "assigneeId": null }),
                json!({ "status": "TODO", "expectedVersion": 1 }),
            ],
            "task",
        ),
        (
            PRODUCT,
            vec![
                json!({ "name": "Lamp", "description": "bright" }),
                json!({ "price": "1.5", "tags": ["a", " b", "a"] }),
                json!({ "price": "1.5000", "expectedVersion": 1 }),
            ],
            "product",
        ),
        (
            PROFILE,
            vec![json!({ "name": "staff" }), json!({ "email": "STAFF@example.com", "region": "United Kingdom" })],
            "me",
        ),
    ] {
        for input in inputs {
            let payload = things.update(mutation, &input).await;
            let same = json!({ "version": 1, "updatedAt": state[entity]["updatedAt"] });
            assert_eq!(payload, json!({ "entity": same, "userErrors": [] }), "{input}");
        }
    }
    for (mutation, input) in [(TASK, json!({ "title": "Dust" })), (PRODUCT, json!({ "name": "Lamp" }))] {
        let mut stale = input;
        stale["expectedVersion"] = json!(7);
        let payload = things.update(mutation, &stale).await;
        assert_eq!(payload["userErrors"][0]["code"], "VERSION_MISMATCH");
    }
    assert_eq!(things.state().await, (state, log));

    let admin = things.api.viewer("admin", UserRole::Admin).await;
    let log = things.state().await.1;
    let role = "mutation ($id: ID!) { updateUserRole(input: { userId: $id, role: STAFF }) { user { role version } userErrors { code } } }";
    let id = json!({ "id": things.staff.user_id().unwrap().to_string() });
    let payload = things.api.data(admin, role, id).await["updateUserRole"].clone();
    assert_eq!(payload, json!({ "user": { "role": "STAFF", "version": 1 }, "userErrors": [] }));

    let archive = "mutation ($id: ID!, $version: Int) { archiveProduct(input: { id: $id, expectedVersion: $version }) { product { status version } userErrors { code } } }";
    let archive = async |version: Value| {
        let variables = json!({ "id": things.product, "version": version });
        things.api.data(things.staff, archive, variables).await["archiveProduct"].clone()
    };
    let archived = json!({ "product": { "status": "ARCHIVED", "version": 2 }, "userErrors": [] });
    for version in [json!(1), json!(null), json!(2)] {
        assert_eq!(archive(version).await, archived);
    }
    assert_eq!(archive(json!(1)).await["userErrors"], json!([{ "code": "VERSION_MISMATCH" }]));
    assert_eq!(things.state().await.1.head, log.head + 1);
}

async fn an_update_of_nothing_reaches_no_subscriber(api: TestApi) {
    let things = Things::new(api).await;
    let watch = "subscription ($task: ID!) { taskUpdates(taskId: $task) { kind task { title version } } }";
    let mut updates = things.api.stream(things.staff, watch, json!({ "task": things.task })).boxed();
    let snapshot = next(&mut updates).await.data.into_json().unwrap();
    assert_eq!(snapshot["taskUpdates"]["task"]["version"], 1);
    for input in [json!({}), json!({ "title": null }), json!({ "title": "Dust" }), json!({ "title": "Wipe" })] {
        things.update(TASK, &input).await;
    }
    let update = next(&mut updates).await.data.into_json().unwrap();
    let expected = json!({ "kind": "UPDATED", "task": { "title": "Wipe", "version": 2 } });
    assert_eq!(update["taskUpdates"], expected, "the one change is the next update");
}
