//! Budgets of answers, and limits on what stays open, on a real server over every transport.

mod charges;
mod generated;
mod incoming;
mod slow_readers;

use std::time::Duration;

use orderwire::{
    app::App,
    config::{Config, RateLimit},
    domain::{Clock, Job, JobKind, SystemClock, TokenBucket, UserRole, Viewer},
    service::Registration,
    storage::Store,
    telemetry::metrics,
};
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    self,
    app::RunningApp as Server,
    wait_until,
    ws::{self, Client},
};

const PASSWORD: &str = "correct horse battery staple";
/// An address outside of private networks, which have no limits.
const ANN: &str = "192.0.2.1";
const BEN: &str = "192.0.2.2";
/// The longest text of these tests, in bytes.
const LONG: usize = 60_000;

/// Configuration of a server that trusts `X-Forwarded-For` from this machine.
fn config() -> Config {
    let mut config = support::app::config();
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    config.webhooks.allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
    config.auth.password_memory = 8;
    config.limits.answer_bytes = 256 * 1024;
    config
}

/// Stores a job that nothing does during a test.
async fn store_a_job(store: &dyn Store) {
    let job = Job::once(JobKind::Prune, String::new(), 1, SystemClock.now().plus(Duration::from_secs(86_400)));
    store.insert_jobs(&[job]).await.unwrap();
}

/// A server with a user, and their `Authorization`.
struct Shop {
    server: Server,
    authorization: String,
}

impl Shop {
    async fn open(config: &Config) -> Self {
        Self::open_as(UserRole::Staff, config).await
    }

    async fn open_as(role: UserRole, config: &Config) -> Self {
        let app = App::start(config).await.unwrap();
        let service = app.core().service().clone();
        let (email, password) = ("sam@example.com".to_owned(), Some(PASSWORD.to_owned()));
        let sam = Registration { email, name: "Sam".to_owned(), region: None, password };
        service.create_user(&Viewer::System, sam, role).await.unwrap();
        store_a_job(&**app.core().store()).await;
        let token = service.login("sam@example.com", PASSWORD.to_owned(), None).await.unwrap().access.token;
        Self { server: Server::run(app), authorization: format!("Bearer {token}") }
    }

    /// The data of an operation by POST, which must succeed.
    async fn data(&self, document: &str, variables: Value) -> Value {
        let request = self.server.request(false, &json!({ "query": document, "variables": variables }));
        let answer: Value =
            request.header("authorization", &self.authorization).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer.get("errors"), None, "{document}: {answer}");
        answer["data"].clone()
    }

    /// Makes a task with a description of [`LONG`] bytes and returns its id.
    async fn task(&self) -> String {
        let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }";
        let input = json!({ "input": { "title": "Long", "description": "x".repeat(LONG) } });
        self.data(create, input).await["createTask"]["task"]["id"].as_str().unwrap().to_owned()
    }

    /// Connects a socket from this address.
    async fn socket(&self, from: &str, authorization: Option<&str>) -> Client {
        let mut handshake = ws::request(self.server.address, ws::MODERN);
        handshake.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
        let mut client = Client::with(self.server.address, handshake).await;
        client.send(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
        assert_eq!(client.receive().await, json!({ "type": "connection_ack" }));
        client
    }

    /// Opens a stream over HTTP from this address and returns it with the first part that has data or errors.
    async fn stream(
        &self,
        from: &str,
        authorization: Option<&str>,
        accept: &str,
        query: &str,
    ) -> (reqwest::Response, Value) {
        let request = self.server.request(false, &json!({ "query": query })).header(ACCEPT, accept);
        let request = request.header("x-forwarded-for", from);
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        let mut response = request.send().await.unwrap();
        let mut text = String::new();
        loop {
            let chunk = tokio::time::timeout(ws::TIMEOUT, response.chunk()).await.expect("a part in time").unwrap();
            text += std::str::from_utf8(&chunk.expect("a part before the end")).unwrap();
            let parts = text.split(['\n', '\r']).map(|line| line.strip_prefix("data: ").unwrap_or(line));
            let mut parts = parts.filter_map(|part| serde_json::from_str::<Value>(part).ok());
            if let Some(part) = parts.find(|part| part.is_object() && *part != json!({})) {
                let part = if part["payload"].is_object() { part["payload"].clone() } else { part };
                return (response, part);
            }
        }
    }

    async fn close(self) {
        self.server.stop().await;
    }
}

/// A selection of 99 aliases of a field.
fn aliases(field: &str) -> String {
    some_aliases(99, field)
}

fn some_aliases(count: usize, field: &str) -> String {
    (0..count).map(|number| format!("a{number}: {field} ")).collect()
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("OK")
}

fn limit(points: u32) -> RateLimit {
    RateLimit(Some(TokenBucket::new(points, Duration::from_secs(3600))))
}

const STREAMS: [&str; 2] = ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0, application/json"];

#[tokio::test]
async fn an_answer_stops_at_its_budget_on_every_transport() {
    let config = config();
    let shop = Shop::open(&config).await;
    let task = shop.task().await;
    let ids = vec![task; 20];
    for query in [
        format!("query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Task {{ {} }} }} }}", aliases("description")),
        format!(
            "query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id }} tasks {{ nodes {{ {} }} }} }}",
            aliases("description")
        ),
    ] {
        let request = json!({ "query": query, "variables": { "ids": ids } });
        for (transport, answer) in shop.server.answers_to(&shop.authorization, &request).await {
            assert_eq!(code(&answer), "QUERY_TOO_COMPLEX", "{transport}: {answer:.300}");
            let error = &answer["errors"][0];
            assert_eq!(error["extensions"]["limit"], config.limits.answer_bytes, "{transport}");
            assert!(error["message"].as_str().unwrap().contains("`answerBytes`"), "{transport}: {error}");
            assert_eq!(answer["data"], Value::Null, "{transport}");
        }
    }
    wait_until("nothing is in flight", ws::TIMEOUT, async || metrics().answer_bytes_in_flight.get() == 0).await;
    shop.close().await;
}

#[tokio::test]
async fn an_update_that_exceeds_the_budget_ends_its_subscription_with_the_error() {
    let shop = Shop::open(&config()).await;
    let task = shop.task().await;
    let query = format!(
        "subscription {{ taskUpdates(taskId: \"{task}\") {{ cursor task {{ {} }} }} }}",
        aliases("description")
    );
    for accept in STREAMS {
        let (_, answer) = shop.stream(ANN, Some(&shop.authorization), accept, &query).await;
        assert_eq!(code(&answer), "QUERY_TOO_COMPLEX", "{accept}: {answer:.300}");
    }
    let mut socket = shop.socket(ANN, Some(&shop.authorization)).await;
    socket.subscribe("1", &query).await;
    let message = socket.receive().await;
    assert_eq!(message["payload"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX", "{message:.300}");
    shop.close().await;
}

#[tokio::test]
async fn a_mutation_whose_answer_is_too_large_has_the_error_at_its_field_and_changes_what_it_says() {
    let shop = Shop::open(&config()).await;
    let task = shop.task().await;
    let update = |title: &str| {
        format!(
            "updateTask(input: {{ id: \"{task}\", title: \"{title}\" }}) {{ task {{ {} }} }}",
            some_aliases(49, "description")
        )
    };
    let query = format!("mutation {{ first: {} second: {} }}", update("First"), update("Second"));
    let request = shop.server.request(false, &json!({ "query": query }));
    let answer: Value =
        request.header("authorization", &shop.authorization).send().await.unwrap().json().await.unwrap();
    let errors = answer["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["extensions"]["code"] == "QUERY_TOO_COMPLEX"), "{answer:.1000}");
    assert!(errors[0]["path"][0] == "first", "{answer:.1000}");
    let title = shop.data(&format!("{{ task(id: \"{task}\") {{ title version }} }}"), json!({})).await;
    assert_eq!(title["task"], json!({ "title": "Second", "version": 3 }), "both were made");
    shop.close().await;
}

#[tokio::test]
async fn connections_that_do_not_read_hold_their_bytes_against_their_client_until_they_end() {
    let mut config = config();
    config.limits.answer_bytes = 8 * 1024 * 1024;
    config.server.answers_in_flight_per_client = 8 * 1024 * 1024;
    let shop = Shop::open(&config).await;
    let task = shop.task().await;
    let query = format!("{{ task(id: \"{task}\") {{ {} }} }}", aliases("description"));
    let body = json!({ "query": query }).to_string();
    let (address, authorization) = (shop.server.address, &shop.authorization);
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    // Answers of 6 MB each, of which the first bytes are read to know that it was written.
    let mut stalled = TcpStream::connect(address).await.unwrap();
    stalled.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stalled.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    wait_until("the answer is in flight", ws::TIMEOUT, async || metrics().answer_bytes_in_flight.get() > 5_000_000)
        .await;
    let ask = async || {
        let request = shop.server.request(false, &json!({ "query": query })).header("authorization", authorization);
        request.send().await.unwrap()
    };
    let refused = ask().await;
    assert_eq!(refused.status(), 429);
    let answer: Value = refused.json().await.unwrap();
    assert_eq!(code(&answer), "RATE_LIMITED", "{answer:.300}");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("answersInFlightPerClient"), "{answer:.300}");
    let small = shop.data(&format!("{{ task(id: \"{task}\") {{ id }} }}"), json!({})).await;
    assert_eq!(small["task"]["id"], task, "there is room for a small answer");
    drop(stalled);
    wait_until("the connection has ended", ws::TIMEOUT, async || metrics().answer_bytes_in_flight.get() == 0).await;
    assert_eq!(ask().await.status(), 200);
    shop.close().await;
}

#[tokio::test]
async fn bytes_above_what_the_cost_pays_for_are_charged_afterwards() {
    let mut config = config();
    config.rate_limits.staff_cost = limit(3000);
    let shop = Shop::open(&config).await;
    let task = shop.task().await;
    let ask = async |query: &str| {
        let request = shop.server.request(false, &json!({ "query": query, "extensions": { "cost": true } }));
        request.header("authorization", &shop.authorization).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let left = |answer: &Value| answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"].as_u64().unwrap();
    let small = ask(&format!("{{ task(id: \"{task}\") {{ id }} }}")).await;
    assert_eq!(small["extensions"]["cost"]["actualQueryCost"], 1, "{small}");
    let large = ask(&format!("{{ task(id: \"{task}\") {{ a: description b: description }} }}")).await;
    let actual = large["extensions"]["cost"]["actualQueryCost"].as_u64().unwrap();
    assert_eq!(actual, (2 * LONG / 1024) as u64, "{:?}", large["extensions"]);
    assert_eq!(left(&small) - left(&large), actual);
    for _ in 0..12 {
        ask(&format!("{{ task(id: \"{task}\") {{ a: description b: description c: description d: description }} }}"))
            .await;
    }
    let refused = ask(&format!("{{ task(id: \"{task}\") {{ id }} }}")).await;
    assert_eq!(code(&refused), "RATE_LIMITED", "{refused}");
    let wait = refused["errors"][0]["extensions"]["retryAfter"].as_u64().unwrap();
    assert!(wait > 60, "the debt has to be paid first: {wait} s");
    shop.close().await;
}

#[tokio::test]
async fn a_small_change_of_a_large_entity_is_charged_for_all_that_is_stored() {
    let mut config = config();
    config.rate_limits.staff_cost = limit(100_000);
    let shop = Shop::open(&config).await;
    let task = shop.task().await;
    let changes: String = (0..10)
        .map(|number| {
            format!("c{number}: updateTask(input: {{ id: \"{task}\", title: \"{number}\" }}) {{ task {{ version }} }} ")
        })
        .collect();
    let request = json!({ "query": format!("mutation {{ {changes} }}"), "extensions": { "cost": true } });
    let request = shop.server.request(false, &request).header("authorization", &shop.authorization);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let cost = &answer["extensions"]["cost"];
    assert_eq!(cost["requestedQueryCost"], 1010, "{answer}");
    let actual = cost["actualQueryCost"].as_u64().unwrap();
    assert!((10 * LONG as u64 / 64..10 * LONG as u64 / 64 + 100).contains(&actual), "{cost}");
    shop.close().await;
}

#[tokio::test]
async fn refused_documents_over_two_sockets_are_limited_as_over_http() {
    let mut config = config();
    config.rate_limits.requests_per_address = limit(60);
    let shop = Shop::open(&config).await;
    // Two handshakes and the operations take a request each.
    let mut sockets = [shop.socket(ANN, None).await, shop.socket(ANN, None).await];
    let mut served = 0;
    for number in 0..100 {
        let socket = &mut sockets[number % 2];
        socket.subscribe("1", &format!("{{ noSuchField{number} }}")).await;
        let message = socket.receive().await;
        match message["payload"][0]["extensions"]["code"].as_str().unwrap() {
            "BAD_USER_INPUT" => served += 1,
            "RATE_LIMITED" => {
                assert!(message["payload"][0]["extensions"]["retryAfter"].is_u64(), "{message}");
                break;
            }
            other => panic!("{other}: {message}"),
        }
    }
    assert_eq!(served, 58, "what is left after the handshakes");
    let request = shop.server.request(false, &json!({ "query": "{ __typename }" })).header("x-forwarded-for", ANN);
    assert_eq!(request.send().await.unwrap().status(), 429, "the same bucket");
    let mut other = shop.socket(BEN, None).await;
    for (name, expected) in [("noSuchField", "BAD_USER_INPUT"), ("noSuchThing", "RATE_LIMITED")] {
        other.subscribe("1", &format!("{{ me {{ {} }} }}", format!("{name} ").repeat(400))).await;
        let message = other.receive().await;
        let first = &message["payload"][0]["extensions"]["code"];
        assert_eq!(*first, expected, "a long document takes many requests: {message:.300}");
        assert!(message.to_string().len() < 16 * 1024, "{} bytes", message.to_string().len());
    }
    let cached =
        shop.server.request(false, &json!({ "query": "{ __typename }" })).header("x-forwarded-for", "192.0.2.3");
    assert_eq!(cached.send().await.unwrap().status(), 200);
    shop.close().await;
}

#[tokio::test]
async fn open_subscriptions_and_watched_products_are_limited_by_user_and_address_on_every_transport() {
    let mut config = config();
    config.subscriptions.per_user = 3;
    config.subscriptions.per_address = 4;
    config.subscriptions.products_per_address = 8;
    let shop = Shop::open(&config).await;
    let create = "mutation ($input: CreateProductInput!) { createProduct(input: $input) { product { id } } }";
    let made = shop.data(create, json!({ "input": { "sku": "A", "name": "A", "price": "1" } })).await;
    let product = made["createProduct"]["product"]["id"].as_str().unwrap().to_owned();
    let stock = |count: usize| {
        let ids = format!("\"{product}\" ").repeat(count);
        format!("subscription {{ stockUpdates(productIds: [{ids}]) {{ id }} }}")
    };
    let open = async |from: &str, authorization: Option<&str>, transport: usize, query: &str| {
        if let Some(accept) = STREAMS.get(transport) {
            let (stream, part) = shop.stream(from, authorization, accept, query).await;
            return (Open::Stream(Box::new(stream)), part);
        }
        let mut socket = shop.socket(from, authorization).await;
        socket.subscribe("1", query).await;
        let message = socket.receive().await;
        let part = if message["type"] == "error" {
            json!({ "errors": message["payload"] })
        } else {
            message["payload"].clone()
        };
        (Open::Socket(Box::new(socket)), part)
    };
    for transport in 0..3 {
        let mut held = Vec::new();
        for (from, authorization, count, expected) in [
            (ANN, None, 5, "OK"),
            (ANN, None, 4, "at most 8 watched products of one address"),
            (ANN, None, 3, "OK"),
            (BEN, Some(&shop.authorization), 1, "OK"),
            (BEN, Some(&shop.authorization), 1, "OK"),
            (BEN, Some(&shop.authorization), 1, "OK"),
            (BEN, Some(&shop.authorization), 1, "at most 3 subscriptions of one user"),
            (BEN, None, 1, "OK"),
            (BEN, None, 1, "at most 4 subscriptions of one address"),
        ] {
            let (opened, part) = open(from, authorization.map(String::as_str), transport, &stock(count)).await;
            if expected == "OK" {
                assert_eq!(part["data"]["stockUpdates"]["id"], product, "{transport} {from} {count}: {part}");
                held.push(opened);
                continue;
            }
            assert_eq!(code(&part), "RATE_LIMITED", "{transport}: {part}");
            let message = part["errors"][0]["message"].as_str().unwrap();
            assert!(message.contains(expected), "{transport}: {message}");
        }
        drop(held);
        wait_until("all have ended", ws::TIMEOUT, async || metrics().subscription_bytes.get() == 0).await;
        assert_eq!(metrics().watched_products.get(), 0);
    }
    shop.close().await;
}

/// An open stream or socket, which ends when it is dropped.
enum Open {
    Stream(#[expect(dead_code, reason = "held open")] Box<reqwest::Response>),
    Socket(#[expect(dead_code, reason = "held open")] Box<Client>),
}
