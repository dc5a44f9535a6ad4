//! What operations are charged for after they ran: rows that the database examined, and entities that were stored.

use std::{collections::BTreeSet, future::pending, sync::Arc};

use orderwire::{
    app::App,
    config::Config,
    domain::{Task, UserRole, Viewer},
    service::Registration,
    storage::{CallCounts, Store},
    telemetry::metrics,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{PASSWORD, Server, Shop, config, limit};
use crate::support::{
    data::{at, task},
    schema::objects,
    wait_until,
    ws::TIMEOUT,
};

/// Tasks that a search examines.
const TASKS: usize = 20_000;

/// A shop with a user of this role, and what `fill` stores.
async fn open(config: &Config, role: UserRole, fill: impl AsyncFnOnce(&dyn Store)) -> Shop {
    open_counted(config, CallCounts::default(), role, fill).await
}

/// The same with the calls of the store counted in `counts`.
async fn open_counted(config: &Config, counts: CallCounts, role: UserRole, fill: impl AsyncFnOnce(&dyn Store)) -> Shop {
    let app = App::start_counted(config, Some(counts)).await.unwrap();
    fill(&**app.core().store()).await;
    let service = app.core().service().clone();
    let sam = Registration {
        email: "sam@example.com".to_owned(),
        name: "Sam".to_owned(),
        region: None,
        password: Some(PASSWORD.to_owned()),
    };
    service.create_user(&Viewer::System, sam, role).await.unwrap();
    let token = service.login("sam@example.com", PASSWORD.to_owned(), None).await.unwrap().access.token;
    Shop { server: Server::run(app), authorization: format!("Bearer {token}") }
}

/// Stores tasks without a due date.
async fn store_tasks(store: &dyn Store) {
    let tasks: Vec<Task> =
        (0..TASKS).map(|number| Task { created_at: at(number as i64), ..task(&format!("task {number}")) }).collect();
    for tasks in tasks.chunks(1000) {
        store.import_tasks(tasks).await.unwrap();
    }
}

#[tokio::test]
async fn rows_that_the_database_examines_are_charged_above_what_the_cost_pays_for() {
    let mut config = config();
    config.rate_limits.staff_cost = limit(100_000);
    let shop = open(&config, UserRole::Staff, store_tasks).await;
    let cost = async |query: &str| {
        let request = shop.server.request(false, &json!({ "query": query, "extensions": { "cost": true } }));
        let answer: Value =
            request.header("authorization", &shop.authorization).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer.get("errors"), None, "{query}: {answer}");
        let cost = &answer["extensions"]["cost"];
        let number = |name: &str| cost[name].as_u64().unwrap();
        let left = cost["throttleStatus"]["currentlyAvailable"].as_u64().unwrap();
        (number("requestedQueryCost"), number("actualQueryCost"), left)
    };
    let (requested, actual, before) = cost("{ tasks { nodes { id title } } }").await;
    assert_eq!(actual, requested, "a page costs what was known before");
    // No task has a due date, so each of them is examined and none is found.
    let (requested, actual, after) =
        cost(r#"{ tasks(filter: { dueBefore: "2000-01-01T00:00:00Z" }) { nodes { id } } }"#).await;
    let rows = TASKS as u64;
    assert!((rows / 20..rows / 2).contains(&actual), "{actual} points for {rows} rows");
    // A few points come back meanwhile.
    assert!((actual - 500..=actual).contains(&(before - after)), "{actual} of {before}, {after} are left");
    assert!(requested < 100);
    shop.close().await;
}

#[tokio::test]
async fn an_operation_whose_client_leaves_is_charged_for_what_was_done_until_then() {
    let mut config = config();
    config.rate_limits.staff_cost = limit(100_000);
    let counts = CallCounts::default();
    let shop = open_counted(&config, counts.clone(), UserRole::Staff, store_tasks).await;
    let left = async || {
        let request = shop.server.request(false, &json!({ "query": "{ __typename }", "extensions": { "cost": true } }));
        let answer: Value =
            request.header("authorization", &shop.authorization).send().await.unwrap().json().await.unwrap();
        answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"].as_u64().unwrap()
    };
    // The count begins when the page was found, and does not end.
    let counting = Arc::new(Notify::new());
    let begun = counting.clone();
    counts.run_before(Arc::new(move |method| {
        let begun = begun.clone();
        Box::pin(async move {
            if method == "count_tasks" {
                begun.notify_one();
                pending::<()>().await;
            }
        })
    }));
    let before = left().await;
    let query = r#"{ tasks(filter: { dueBefore: "2000-01-01T00:00:00Z" }) { totalCount nodes { id } } }"#;
    let request = shop.server.request(false, &json!({ "query": query })).header("authorization", &shop.authorization);
    let client = tokio::spawn(request.send());
    tokio::time::timeout(TIMEOUT, counting.notified()).await.expect("the page should be found");
    let cost = before - left().await;
    assert!((1..100).contains(&cost), "{cost} points were taken before it ran");
    client.abort();
    let rows = TASKS as u64;
    wait_until("the rows of the page are charged", TIMEOUT, async || {
        // A few points come back meanwhile.
        before - left().await >= rows / 20
    })
    .await;
    shop.close().await;
}

/// Makes mutations that succeed and store something.
struct Mutations<'s> {
    shop: &'s Shop,
    authorization: String,
    made: BTreeSet<String>,
}

impl Mutations<'_> {
    async fn make(&mut self, name: &str, input: &str, selection: &str) -> Value {
        let arguments = if input.is_empty() { String::new() } else { format!("(input: {{ {input} }})") };
        let query = format!("mutation {{ {name}{arguments} {{ {selection} userErrors {{ code message }} }} }}");
        let before = metrics().stored_bytes.get();
        let request = self.shop.server.request(false, &json!({ "query": query }));
        let answer: Value =
            request.header("authorization", &self.authorization).send().await.unwrap().json().await.unwrap();
        let payload = &answer["data"][name];
        assert_eq!(payload["userErrors"], json!([]), "{query}: {answer}");
        assert!(metrics().stored_bytes.get() > before, "nothing is counted for {query}");
        self.made.insert(name.to_owned());
        payload.clone()
    }

    async fn sign_in(&mut self, password: &str) {
        self.authorization.clear();
        let input = format!(r#"email: "sam@example.com", password: "{password}""#);
        let payload = self.make("login", &input, "session { accessToken }").await;
        self.authorization = format!("Bearer {}", payload["session"]["accessToken"].as_str().unwrap());
    }
}

#[tokio::test]
async fn every_mutation_that_stores_something_is_charged_for_it() {
    let shop = open(&config(), UserRole::Admin, super::store_a_job).await;
    let mut mutations = Mutations { shop: &shop, authorization: shop.authorization.clone(), made: BTreeSet::new() };

    let product =
        mutations.make("createProduct", r#"sku: "A", name: "A", price: "1", stock: 10"#, "product { id }").await;
    let product = &product["product"]["id"];
    mutations.make("updateProduct", &format!(r#"id: {product}, name: "B""#), "product { id }").await;
    let set = format!(r#"id: {product}, set: [{{ key: "k", value: "v" }}]"#);
    mutations.make("updateMetadata", &set, "node { id }").await;
    mutations.make("adjustStock", &format!("productId: {product}, delta: 1"), "product { id }").await;
    let lines = format!(r#"items: [{{ productId: {product}, quantity: 1 }}], idempotencyKey: "A""#);
    let order = mutations.make("placeOrder", &lines, "order { id }").await;
    let order = &order["order"]["id"];
    mutations.make("updateOrderStatus", &format!("orderId: {order}, status: CONFIRMED"), "order { id }").await;
    mutations.make("cancelOrder", &format!("orderId: {order}"), "order { id }").await;
    mutations.make("archiveProduct", &format!("id: {product}"), "product { id }").await;

    let task = mutations.make("createTask", r#"title: "A""#, "task { id }").await;
    let task = &task["task"]["id"];
    mutations.make("updateTask", &format!(r#"id: {task}, title: "B""#), "task { id }").await;
    mutations.make("deleteTask", &format!("id: {task}"), "deletedTaskId").await;

    let key = mutations.make("createApiKey", r#"name: "A", scopes: [READ_ORDERS]"#, "apiKey { id }").await;
    mutations.make("revokeApiKey", &format!("id: {}", key["apiKey"]["id"]), "apiKey { id }").await;

    let webhook = mutations
        .make("createWebhook", r#"url: "http://127.0.0.1:1025", kinds: [TASK_DELETED]"#, "webhook { id cursor }")
        .await;
    let (id, cursor) = (&webhook["webhook"]["id"], &webhook["webhook"]["cursor"]);
    mutations.make("updateWebhook", &format!("id: {id}, paused: true"), "webhook { id }").await;
    mutations.make("rotateWebhookSecret", &format!("id: {id}"), "webhook { id }").await;
    mutations.make("replayWebhook", &format!("id: {id}, after: {cursor}"), "webhook { id }").await;
    mutations.make("deleteWebhook", &format!("id: {id}"), "deletedWebhookId").await;

    let jobs = shop.data("{ jobs(first: 1) { nodes { id } } }", json!({})).await;
    let job = &jobs["jobs"]["nodes"][0]["id"];
    mutations.make("discardJob", &format!("id: {job}"), "job { id }").await;
    mutations.make("retryJob", &format!("id: {job}"), "job { id }").await;

    mutations.make("updateProfile", r#"name: "Samantha""#, "user { id }").await;
    let account = format!(r#"email: "new@example.com", name: "New", password: "{PASSWORD}""#);
    let session = mutations.make("register", &account, "session { refreshToken user { id } }").await;
    let (refresh, user) = (&session["session"]["refreshToken"], &session["session"]["user"]["id"]);
    mutations.make("refreshSession", &format!("refreshToken: {refresh}"), "session { user { id } }").await;
    mutations.make("updateUserRole", &format!("userId: {user}, role: STAFF"), "user { id }").await;
    mutations.make("deleteUser", &format!("userId: {user}"), "user { id }").await;

    let another = "another good password";
    let change = format!(r#"currentPassword: "{PASSWORD}", newPassword: "{another}""#);
    mutations.make("changePassword", &change, "user { id }").await;
    mutations.sign_in(another).await;
    mutations.make("logout", "", "").await;
    mutations.sign_in(another).await;
    mutations.make("logoutEverywhere", "", "").await;

    let all: BTreeSet<String> = objects()["Mutation"].iter().map(|field| field.name.node.to_string()).collect();
    let missing: Vec<&String> = all.difference(&mutations.made).collect();
    let nothing_stored = ["createStreamTicket", "testWebhook"];
    assert_eq!(missing, nothing_stored, "say here how each mutation that stores something succeeds");
    shop.close().await;
}
