//! For every field of the schema, the most expensive operation that the limits let through: as many objects and aliases
//! as possible, over values that are as long as inputs allow. The operations are made from the schema, so new fields are
//! found. A mutation or subscription that has no example here fails the test.

mod targets;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use orderwire::{
    config::{DatabaseUrl, RateLimit, SecretUrl},
    domain::UserRole,
    telemetry::metrics,
};
use serde_json::{Value, json};

use super::{LONG, STREAMS, Shop, code, config};
use crate::support::{schema::base_name, wait_until, ws};
use targets::Types;
use values::Values;

/// Most fields on the way to a type.
const DEPTH: usize = 4;
/// Bytes of an answer beside its data: the envelope of its transport, errors and extensions.
const ENVELOPE: usize = 2048;
/// Bytes of an answer without a value, such as an entity that is not of the type of a fragment.
const EMPTY: usize = 64;
/// Bytes that errors of the fields of a mutation may take.
const ERRORS: usize = 128 * 1024;
/// Bytes that one operation may load: less than these have.
const LOADED: usize = 1024 * 1024;

/// The input of each mutation. `$NAME` stands for an id or a text.
const MUTATIONS: [(&str, &str); 31] = [
    ("register", r#"{ email: "new@example.com", name: $line, password: "correct horse battery staple" }"#),
    ("login", r#"{ email: "sam@example.com", password: "correct horse battery staple" }"#),
    ("refreshSession", r#"{ refreshToken: "none" }"#),
    ("logout", ""),
    ("logoutEverywhere", ""),
    ("changePassword", r#"{ currentPassword: "a wrong password", newPassword: "another good one" }"#),
    ("updateProfile", r#"{ name: $line }"#),
    ("createStreamTicket", r#"{ query: "subscription { orderUpdates { cursor } }" }"#),
    ("updateUserRole", r#"{ userId: $User, role: STAFF }"#),
    ("deleteUser", r#"{ userId: $User }"#),
    ("createProduct", r#"{ sku: $line, name: $line, description: $text, price: "1" }"#),
    ("updateProduct", r#"{ id: $Product, description: $text }"#),
    ("archiveProduct", r#"{ id: $Product, expectedVersion: 1000 }"#),
    ("adjustStock", r#"{ productId: $Product, delta: 1 }"#),
    ("placeOrder", r#"{ items: [{ productId: $Product, quantity: 1 }], idempotencyKey: $line }"#),
    ("updateOrderStatus", r#"{ orderId: $Order, status: PAID }"#),
    ("cancelOrder", r#"{ orderId: $Order, reason: $line, expectedVersion: 1000 }"#),
    ("createTask", r#"{ title: $line, description: $text, orderId: $Order }"#),
    ("updateTask", r#"{ id: $Task, description: $text }"#),
    ("deleteTask", r#"{ id: $none }"#),
    ("updateMetadata", r#"{ id: $Product, set: [{ key: "k", value: $line }] }"#),
    ("createApiKey", r#"{ name: $line, scopes: [READ_ORDERS] }"#),
    ("revokeApiKey", r#"{ id: $ApiKey }"#),
    ("createWebhook", r#"{ url: $url, description: $line, kinds: [TASK_DELETED] }"#),
    ("updateWebhook", r#"{ id: $Webhook, url: $url, description: $line }"#),
    ("rotateWebhookSecret", r#"{ id: $Webhook }"#),
    ("replayWebhook", r#"{ id: $Webhook, after: $cursor }"#),
    ("testWebhook", r#"{ id: $Webhook }"#),
    ("deleteWebhook", r#"{ id: $none }"#),
    ("retryJob", r#"{ id: $Job }"#),
    ("discardJob", r#"{ id: $Job }"#),
];

/// The arguments of each subscription, with which it begins with a state.
const SUBSCRIPTIONS: [(&str, &str); 3] =
    [("orderUpdates", "orderId: $Order"), ("taskUpdates", "taskId: $Task"), ("stockUpdates", "productIds: [$Product]")];

/// An operation of this size.
type Template = Box<dyn Fn(usize) -> String>;

/// What is to be asked, over values that are as long as inputs allow.
struct Generated {
    shop: Shop,
    /// One client for all requests by POST, since making one takes longer than most of them.
    client: reqwest::Client,
    budget: usize,
    values: Values,
    types: Types,
    nodes: Vec<String>,
}

impl Generated {
    async fn open() -> Self {
        Self::over(DatabaseUrl::Temporary).await
    }

    async fn over(database: DatabaseUrl) -> Self {
        let mut config = config();
        config.database.url = database;
        config.limits.answer_bytes = 128 * 1024;
        config.limits.loaded_bytes = LOADED;
        config.rate_limits.staff_cost = RateLimit(None);
        config.rate_limits.sign_ins_per_account = RateLimit(None);
        let shop = Shop::open_as(UserRole::Admin, &config).await;
        let (types, nodes) = Types::read();
        Self {
            values: Values::make(&shop).await,
            shop,
            client: reqwest::Client::new(),
            budget: config.limits.answer_bytes,
            types,
            nodes,
        }
    }

    /// A query for each field of each object, by its id and from the root.
    fn queries(&self) -> Vec<Template> {
        let mut queries: Vec<Template> = Vec::new();
        for node in &self.nodes {
            for target in self.types.targets(node, DEPTH) {
                let (node, ids) = (node.clone(), self.values.ids(node));
                queries.push(Box::new(move |size| {
                    let ids: String = ids.iter().cycle().take(size).map(|id| format!("{id} ")).collect();
                    format!("{{ nodes(ids: [{ids}]) {{ ... on {node} {{ {} }} }} }}", target.selection(size))
                }));
            }
        }
        for target in self.types.targets("Query", DEPTH) {
            queries.push(Box::new(move |size| format!("{{ {} }}", target.selection(size))));
        }
        queries
    }

    /// The largest operation that the limit on cost lets through, with its answer by POST.
    async fn largest(&self, template: &Template) -> (String, Value) {
        let mut size = 100;
        loop {
            let query = template(size);
            let answer = self.post(&query).await;
            let Some(smaller) = smaller(size, &answer["errors"][0]["extensions"]) else { return (query, answer) };
            size = smaller;
        }
    }

    async fn post(&self, query: &str) -> Value {
        let request = self.client.post(format!("http://{}/graphql", self.shop.server.address));
        let request = request.header("authorization", &self.shop.authorization).json(&json!({ "query": query }));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The largest subscription that the limit on cost lets through.
    async fn largest_update(&self, template: &Template) -> String {
        let mut socket = self.shop.socket("127.0.0.1", Some(&self.shop.authorization)).await;
        let mut size = 100;
        loop {
            let query = template(size);
            let before = written();
            socket.subscribe("1", &query).await;
            let message = socket.receive().await;
            if let Some(smaller) = smaller(size, &message["payload"][0]["extensions"]) {
                size = smaller;
                continue;
            }
            let answer = json!({ "errors": message["payload"] });
            let answer = if message["type"] == "error" { &answer } else { &message };
            self.check(&query, "WebSocket", answer, written() - before);
            return query;
        }
    }

    /// Checks an answer; `written` is how many bytes were counted for it. Returns whether it was refused.
    fn check(&self, query: &str, transport: &str, answer: &Value, written: usize) -> bool {
        let length = answer.to_string().len();
        let errors = if query.starts_with("mutation") { ERRORS } else { 0 };
        assert!(length <= self.budget + ENVELOPE + errors, "{transport} {query:.300}: {length} bytes");
        // Writing stops at the value that exceeds the budget.
        let most = self.budget + LONG + ENVELOPE;
        assert!(written <= most, "{transport} {query:.300}: {written} bytes were written");
        code(answer) == "QUERY_TOO_COMPLEX"
    }
}

/// A size that fits the limit on cost, by the error that refused an operation of this size; `None` if it was not refused
/// for its cost.
fn smaller(size: usize, error: &Value) -> Option<usize> {
    let cost = error["cost"].as_u64()?;
    assert!(size > 1, "too expensive with a size of 1: {error}");
    let fitting = size as u64 * error["limit"].as_u64().unwrap() / cost;
    Some(usize::try_from(fitting).unwrap().clamp(1, size - 1))
}

fn written() -> usize {
    usize::try_from(metrics().answer_bytes.get()).unwrap()
}

fn loaded() -> usize {
    usize::try_from(metrics().loaded_bytes.get()).unwrap()
}

/// Asks the most expensive query of a template that the limits let through, which may load no more than it may and
/// `at_once` bytes beyond that: what arrives from the database together. Returns the query, its answer, and whether it was
/// refused for what it loads.
async fn largest_within_loads(generated: &Generated, template: &Template, at_once: usize) -> (String, Value, bool) {
    let before = loaded();
    // What is refused for its cost loads nothing.
    let (query, answer) = generated.largest(template).await;
    let found = loaded() - before;
    assert!(found <= LOADED + at_once, "{query:.300}: {found} bytes were loaded");
    let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
    let is_refused = message.contains("`loadedBytes`");
    (query, answer, is_refused)
}

mod mongodb {
    use super::*;

    /// A reply of MongoDB.
    const REPLY: usize = 16 * 1024 * 1024;

    #[tokio::test]
    async fn the_most_expensive_query_for_each_field_loads_no_more_than_its_budget() {
        let server = std::env::var("ORDERWIRE_TEST_MONGODB_URL").expect(
            "ORDERWIRE_TEST_MONGODB_URL names no MongoDB; start the tests with: scripts/services run cargo nextest run",
        );
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        let name = format!("answers_{:032x}", rand::random::<u128>());
        let url = format!("{}/{name}?{options}", address.trim_end_matches('/'));
        let generated = Generated::over(DatabaseUrl::Mongo(SecretUrl::new(&url))).await;
        let mut refused = 0;
        for template in &generated.queries() {
            refused += usize::from(largest_within_loads(&generated, template, REPLY).await.2);
        }
        assert!(refused > 5, "{refused} were refused for what they load");
        wait_until("nothing is held", ws::TIMEOUT, async || metrics().answer_bytes_in_flight.get() == 0).await;
        generated.shop.close().await;
        ::mongodb::Client::with_uri_str(&url).await.unwrap().database(&name).drop().await.unwrap();
    }
}

#[tokio::test]
async fn the_most_expensive_query_for_each_field_stays_within_its_budget() {
    let generated = Generated::open().await;
    let shop = &generated.shop;
    let queries = generated.queries();
    assert!(queries.len() > 100, "{} queries", queries.len());
    let (mut refused, mut refused_for_loads, mut seen) = (0, 0, BTreeSet::new());
    for template in &queries {
        let before = written();
        let (query, answer, loads_too_much) = largest_within_loads(&generated, template, LONG + ENVELOPE).await;
        refused_for_loads += usize::from(loads_too_much);
        let is_refused = generated.check(&query, "POST", &answer, written() - before);
        assert!(is_refused || answer.get("errors").is_none(), "{query:.300}: {answer:.500}");
        refused += usize::from(is_refused);
        // How a transport writes an answer does not depend on the field, so one of each type goes over every transport.
        let way = query.split("a0").next().unwrap_or_default().to_owned();
        if is_refused && seen.insert(way) {
            let before = written();
            let answers = shop.server.answers_to(&shop.authorization, &json!({ "query": query })).await;
            let each = (written() - before).div_ceil(answers.len());
            for (transport, answer) in &answers {
                assert!(generated.check(&query, transport, answer, each), "{transport} {query:.300}: {answer:.500}");
            }
        }
        // Of an answer that is small enough, every byte was counted but for some of its structure.
        let small = template(1);
        let before = written();
        let answer = generated.post(&small).await;
        let (counted, length) = (written() - before, answer["data"].to_string().len());
        if code(&answer) == "OK" {
            assert!(
                length <= EMPTY || 10 * counted >= 9 * length,
                "{small:.300}: {counted} of {length} bytes were counted"
            );
        }
    }
    assert!(refused > 50 && seen.len() > 8, "{refused} were refused, {} of them over every transport", seen.len());
    assert!(refused_for_loads > 5, "{refused_for_loads} were refused for what they load");
    wait_until("nothing is held", ws::TIMEOUT, async || metrics().answer_bytes_in_flight.get() == 0).await;
    generated.shop.close().await;
}

#[tokio::test]
async fn the_most_expensive_answer_of_each_mutation_stays_within_its_budget() {
    let generated = Generated::open().await;
    let mut inputs: BTreeMap<&str, &str> = MUTATIONS.into();
    // What ends the session comes last.
    let (ending, others): (Vec<_>, Vec<_>) =
        generated.types.objects["Mutation"].iter().partition(|field| field.name.node.starts_with("logout"));
    for field in others.into_iter().chain(ending) {
        let name = field.name.node.as_str();
        let input = inputs.remove(name).unwrap_or_else(|| panic!("there is no example of {name}"));
        let arguments =
            if input.is_empty() { String::new() } else { format!("(input: {})", generated.values.fill(input)) };
        for target in generated.types.targets(base_name(&field.ty.node.base), 1) {
            let query = format!("mutation {{ {name}{arguments} {{ {} }} }}", target.selection(1));
            let before = written();
            let answer = generated.post(&query).await;
            generated.check(&query, "POST", &answer, written() - before);
        }
    }
    assert_eq!(inputs, BTreeMap::new(), "these are no mutations");
    generated.shop.close().await;
}

#[tokio::test]
async fn the_most_expensive_update_of_each_subscription_stays_within_its_budget() {
    let generated = Generated::open().await;
    let shop = &generated.shop;
    let arguments: BTreeMap<&str, &str> = SUBSCRIPTIONS.into();
    let mut refused = 0;
    for field in &generated.types.objects["Subscription"] {
        let name = field.name.node.as_str();
        let given = arguments.get(name).unwrap_or_else(|| panic!("there is no example of {name}"));
        let given = generated.values.fill(given);
        for target in generated.types.targets(base_name(&field.ty.node.base), DEPTH) {
            let template: Template = {
                let (name, given) = (name.to_owned(), given.clone());
                Box::new(move |size| format!("subscription {{ {name}({given}) {{ {} }} }}", target.selection(size)))
            };
            let query = generated.largest_update(&template).await;
            for accept in STREAMS {
                let before = written();
                let (stream, answer) = shop.stream("127.0.0.1", Some(&shop.authorization), accept, &query).await;
                drop(stream);
                refused += usize::from(generated.check(&query, accept, &answer, written() - before));
            }
        }
    }
    assert!(refused > 10, "{refused} were refused");
    generated.shop.close().await;
}
