//! What the operations of the tables are about.

use std::collections::BTreeSet;

use orderwire::domain::{Clock, Job, JobKind, SystemClock, UserRole, Viewer};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::api::{PASSWORD, TestApi};

/// Variables available to the operations, with their types.
const VARIABLES: [(&str, &str); 17] = [
    ("event", "ID!"),
    ("webhook", "ID!"),
    ("job", "ID!"),
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

/// The names of the variables that occur in `selection`.
fn names(selection: &str) -> BTreeSet<&str> {
    selection.split('$').skip(1).filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()).collect()
}

/// Declares the variables that occur in `selection`.
pub(super) fn declarations(selection: &str) -> String {
    let names = names(selection);
    let used: Vec<String> =
        VARIABLES.iter().filter(|(name, _)| names.contains(name)).map(|(name, ty)| format!("${name}: {ty}")).collect();
    if used.is_empty() { String::new() } else { format!("({})", used.join(", ")) }
}

/// A selection that names all variables.
pub(in crate::api) fn all_variables() -> String {
    VARIABLES.map(|(name, _)| format!("${name}")).join(" ")
}

pub(in crate::api) struct Shop {
    pub(in crate::api) viewers: [Viewer; 5],
    pub(super) variables: Value,
    /// The key that the last variables name.
    last_key: Mutex<Option<Value>>,
}

/// An owner with an order, a task of their own and one that staff created for them; active and archived products.
pub(in crate::api) async fn shop(api: &TestApi) -> Shop {
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
    pub(in crate::api) async fn sign_in_again(&mut self, api: &TestApi) {
        for viewer in &mut self.viewers {
            if let Some(user) = viewer.user_id() {
                *viewer = api.service.open_session(&Viewer::System, user).await.unwrap().viewer();
            }
        }
    }

    /// Values of the variables: of those that the selection names, a new order, new tasks, a new bystander, a new key, a new
    /// webhook and a new job, and an unused text.
    pub(in crate::api) async fn variables(&self, api: &TestApi, fresh: &str, selection: &str) -> Value {
        let [_, _, owner, staff, admin] = self.viewers;
        let named = names(selection);
        let wants = |names: &[&str]| names.iter().any(|name| named.contains(name));
        let mut variables = self.variables.clone();
        variables["fresh"] = format!("{fresh}@example.com").into();
        if wants(&["key"]) {
            variables["key"] = self.new_key(api, admin).await;
        }
        if wants(&["order", "number", "event", "task"]) {
            let order = "mutation ($product: ID!, $key: String!) { placeOrder(input: { items: [{ productId: $product, quantity: 1 }], idempotencyKey: $key }) { order { id number } } }";
            let key = format!("shop {fresh}");
            let placed = api.data(owner, order, json!({ "product": variables["product"], "key": key })).await;
            variables["order"] = placed["placeOrder"]["order"]["id"].clone();
            variables["number"] = placed["placeOrder"]["order"]["number"].clone();
        }
        if wants(&["event"]) {
            let events = "query ($id: ID!) { events(filter: { entityId: $id }) { nodes { id } } }";
            let of_order = api.data(staff, events, json!({ "id": variables["order"] })).await;
            variables["event"] = of_order["events"]["nodes"][0]["id"].clone();
        }
        let task = "mutation ($assignee: ID, $order: ID) { createTask(input: { title: \"T\", assigneeId: $assignee, orderId: $order }) { task { id } } }";
        if wants(&["task"]) {
            let own = api.data(owner, task, json!({ "order": variables["order"] })).await;
            variables["task"] = own["createTask"]["task"]["id"].clone();
        }
        if wants(&["assigned"]) {
            let assigned = api.data(staff, task, json!({ "assignee": variables["user"] })).await;
            variables["assigned"] = assigned["createTask"]["task"]["id"].clone();
        }
        if wants(&["bystander"]) {
            let bystander = api.new_user(&format!("bystander-{fresh}"), UserRole::Customer).await;
            variables["bystander"] = bystander.id.to_string().into();
        }
        if wants(&["webhook"]) {
            variables["webhook"] = api.new_webhook().await.id.to_string().into();
        }
        if wants(&["job"]) {
            let job = Job::once(JobKind::Prune, String::new(), 1, SystemClock.now());
            api.store.insert_jobs(std::slice::from_ref(&job)).await.unwrap();
            variables["job"] = job.id.to_string().into();
        }
        if wants(&["cursor"]) {
            variables["cursor"] = api.data(staff, "{ eventCursor }", json!({})).await["eventCursor"].clone();
        }
        variables
    }

    /// A new API key. The one before is revoked, because there may not be many.
    async fn new_key(&self, api: &TestApi, admin: Viewer) -> Value {
        let key = "mutation { createApiKey(input: { name: \"K\", scopes: [READ_ORDERS] }) { apiKey { id } } }";
        let revoke = "mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { userErrors { code } } }";
        let last = self.last_key.lock().take();
        if let Some(last) = last {
            api.data(admin, revoke, json!({ "id": last })).await;
        }
        let key = api.data(admin, key, json!({})).await["createApiKey"]["apiKey"]["id"].clone();
        *self.last_key.lock() = Some(key.clone());
        key
    }
}
