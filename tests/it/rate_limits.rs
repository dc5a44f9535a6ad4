//! Rate limits on a real server.

mod sign_ins;
mod streams;

use std::time::{Duration, Instant};

use orderwire::{
    app::App,
    config::{Config, DatabaseUrl, RateLimit, RedisUrl, Setting},
    domain::{TokenBucket, UserRole, Viewer},
    service::Registration,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    cluster::redis_server::{self, RedisServer},
    support::{
        self,
        app::RunningApp as Server,
        ws::{self, Client},
    },
};

const PASSWORD: &str = "correct horse battery staple";
const ANN: &str = "192.0.2.1";
const BEN: &str = "192.0.2.2";

/// A limit of `points` per hour, so that practically nothing refills within a test.
fn limit(points: u32) -> RateLimit {
    RateLimit(Some(TokenBucket::new(points, Duration::from_secs(3600))))
}

/// Configuration of a server that trusts `X-Forwarded-For` from this machine.
fn config() -> Config {
    let mut config = support::app::config();
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    config.auth.password_memory = 8;
    config
}

impl Server {
    async fn post(&self, from: &str, token: Option<&str>, query: &str) -> Response {
        let client = reqwest::Client::new();
        let mut request = client.post(format!("http://{}/graphql", self.address)).header("x-forwarded-for", from);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.json(&json!({ "query": query, "extensions": { "cost": true } })).send().await.unwrap()
    }

    /// Sends a query and returns the status and the JSON body.
    async fn ask(&self, from: &str, token: Option<&str>, query: &str) -> (StatusCode, Value) {
        let response = self.post(from, token, query).await;
        (response.status(), response.json().await.unwrap())
    }

    /// Registers a customer and returns the access token.
    async fn register(&self, name: &str) -> String {
        let input = format!(r#"{{ email: "{name}@example.com", name: "{name}", password: "{PASSWORD}" }}"#);
        let register = format!("mutation {{ register(input: {input}) {{ session {{ accessToken }} }} }}");
        let (_, answer) = self.ask("127.0.0.1", None, &register).await;
        answer["data"]["register"]["session"]["accessToken"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Tries to sign in; returns `OK` or the error code.
    async fn login(&self, from: &str, email: &str, password: &str) -> String {
        let login = format!(
            r#"mutation {{ login(input: {{ email: "{email}", password: "{password}" }}) {{ session {{ user {{ id }} }} userErrors {{ code }} }} }}"#
        );
        let (status, answer) = self.ask(from, None, &login).await;
        if let Some(code) = answer["errors"][0]["extensions"]["code"].as_str() {
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{answer}");
            return code.to_owned();
        }
        answer["data"]["login"]["userErrors"][0]["code"].as_str().unwrap_or("OK").to_owned()
    }
}

fn header(response: &Response, name: &str) -> u64 {
    response.headers()[name].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn requests_of_one_address_are_limited_before_anything_else() {
    let mut config = config();
    config.rate_limits.requests_per_address = limit(3);
    let server = Server::start(&config).await;
    let get = async |path: &str| {
        let get = reqwest::Client::new().get(format!("http://{}{path}", server.address));
        get.header("x-forwarded-for", ANN).send().await.unwrap()
    };
    for (path, status) in [("/healthz", 200), ("/nowhere", 404), ("/graphql?query={__typename}", 200)] {
        assert_eq!(get(path).await.status().as_u16(), status);
    }
    for path in ["/healthz", "/nowhere", "/graphql?query={__typename}"] {
        let begun = Instant::now();
        let refused = get(path).await;
        assert!(begun.elapsed() >= Duration::from_millis(100), "{path}: it is to ask less");
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!([header(&refused, "ratelimit-limit"), header(&refused, "ratelimit-remaining")], [3, 0]);
        assert!(refused.headers().contains_key("x-request-id"), "{path}");
        let wait = header(&refused, "retry-after");
        assert!((1190..=1201).contains(&wait), "{wait}");
        let error = &refused.json::<Value>().await.unwrap()["errors"][0];
        assert_eq!(error["extensions"], json!({ "code": "RATE_LIMITED", "retryAfter": wait }));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("the limit is 3 in 3600s"), "{message}");
    }
    assert_eq!(server.ask(BEN, None, "{ __typename }").await.0, StatusCode::OK, "another address");
    assert_eq!(server.ask("127.0.0.1", None, "{ __typename }").await.0, StatusCode::OK, "without a limit");
    server.stop().await;
}

#[tokio::test]
async fn x_forwarded_for_counts_only_from_trusted_proxies() {
    let mut config = config();
    config.server.trusted_proxies.clear();
    config.server.unlimited_networks.clear();
    config.rate_limits.requests_per_address = limit(3);
    let server = Server::start(&config).await;
    let mut statuses = Vec::new();
    for from in [ANN, BEN, "192.0.2.3", "192.0.2.4"] {
        statuses.push(server.ask(from, None, "{ __typename }").await.0.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    server.stop().await;
}

#[tokio::test]
async fn operations_charge_their_cost_and_report_the_points_left() {
    const QUERY: &str = "{ me { id } }";
    let mut config = config();
    config.limits.cost = 2000;
    config.rate_limits.customer_cost = limit(60);
    config.rate_limits.anonymous_cost = limit(60);
    let server = Server::start(&config).await;
    let (ann, ben) = (server.register("ann").await, server.register("ben").await);
    let response = server.post(ANN, Some(&ann), "{ products(first: 48) { nodes { id } } }").await;
    assert_eq!(["limit", "remaining"].map(|name| header(&response, &format!("ratelimit-{name}"))), [60, 11]);
    assert!((2930..=2940).contains(&header(&response, "ratelimit-reset")), "{:?}", response.headers());
    let mut answer: Value = response.json().await.unwrap();
    let rate = answer["extensions"]["cost"]["throttleStatus"]["restoreRate"].take().as_f64().unwrap();
    assert!((rate - 1.0 / 60.0).abs() < 1e-9, "{rate}");
    let expected = json!({
        "requestedQueryCost": 49, "actualQueryCost": 49, "maximumQueryCost": 2000,
        "throttleStatus": { "maximumAvailable": 60, "currentlyAvailable": 11, "restoreRate": null },
    });
    assert_eq!(answer["extensions"]["cost"], expected);

    let refused = server.post(BEN, Some(&ann), "{ products(first: 20) { nodes { id } } }").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "from wherever");
    let wait = header(&refused, "retry-after");
    assert!((590..=600).contains(&wait), "{wait}");
    let answer: Value = refused.json().await.unwrap();
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"], json!({ "code": "RATE_LIMITED", "retryAfter": wait }));
    assert!(error["message"].as_str().unwrap().contains("costs 21 points and 11 are left of 60"), "{error}");
    assert_eq!(answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"], 11);
    assert_eq!(answer.get("data"), None);

    assert_eq!(server.ask(ANN, Some(&ann), QUERY).await.0, StatusCode::OK, "there is enough for a small one");
    assert_eq!(server.ask(ANN, Some(&ben), "{ products(first: 48) { nodes { id } } }").await.0, StatusCode::OK);
    for (from, status) in [(ANN, 200), (ANN, 429), (BEN, 200), ("127.0.0.1", 200), ("127.0.0.1", 200)] {
        let (found, answer) = server.ask(from, None, "{ products(first: 48) { nodes { id } } }").await;
        assert_eq!(found.as_u16(), status, "{from} without signing in: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn staff_have_their_own_limit() {
    let mut config = config();
    config.limits.cost = 2000;
    config.rate_limits.customer_cost = limit(60);
    config.rate_limits.staff_cost = limit(200);
    let app = App::start(&config).await.unwrap();
    let service = app.core().service().clone();
    let (email, password) = ("sam@example.com".to_owned(), Some(PASSWORD.to_owned()));
    let sam = Registration { email, name: "Sam".to_owned(), region: None, password };
    service.create_user(&Viewer::System, sam, UserRole::Staff).await.unwrap();
    let staff = service.login("sam@example.com", PASSWORD.to_owned(), None).await.unwrap().access.token;
    let server = Server::run(app);
    let customer = server.register("ann").await;
    for (token, fits) in [(&staff, 4), (&customer, 1)] {
        for number in 0..=fits {
            let (status, answer) = server.ask(ANN, Some(token), "{ products(first: 48) { nodes { id } } }").await;
            assert_eq!(status == StatusCode::OK, number < fits, "{number}: {answer}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn sockets_and_streams_are_limited_like_requests() {
    let mut config = config();
    config.limits.cost = 2000;
    config.rate_limits.customer_cost = limit(100);
    let server = Server::start(&config).await;
    let token = server.register("ann").await;
    let mut socket =
        Client::open_with(server.address, ws::MODERN, json!({ "authorization": format!("Bearer {token}") })).await;
    socket.subscribe("query", "{ products(first: 90) { nodes { id } } }").await;
    assert_eq!(socket.receive().await["type"], "next");
    assert_eq!(socket.receive().await["type"], "complete");
    let subscription = "subscription { orderUpdates { order { items { product { id } } } } }";
    for query in ["{ products(first: 90) { nodes { id } } }", subscription] {
        socket.subscribe("refused", query).await;
        let message = socket.receive().await;
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message["payload"][0]["extensions"]["code"], "RATE_LIMITED", "{message}");
        assert!(message["payload"][0]["extensions"]["retryAfter"].is_u64(), "{message}");
    }
    let stream = reqwest::Client::new()
        .post(format!("http://{}/graphql", server.address))
        .bearer_auth(&token)
        .header("accept", "text/event-stream")
        .json(&json!({ "query": subscription }))
        .send();
    let text = stream.await.unwrap().text().await.unwrap();
    assert!(text.contains("RATE_LIMITED") && text.contains("event: complete"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn a_socket_that_exceeds_the_limit_of_requests_is_read_slowly() {
    let mut config = config();
    config.server.unlimited_networks.clear();
    config.rate_limits.requests_per_address = limit(3);
    let server = Server::start(&config).await;
    // The handshake is the first request.
    let mut socket = Client::open(server.address).await;
    let begun = Instant::now();
    for id in 1..=5 {
        let payload = json!({ "query": "{ products { nodes { id } } }" });
        socket.send(json!({ "id": id.to_string(), "type": "subscribe", "payload": payload })).await;
    }
    let mut codes = Vec::new();
    while codes.len() < 3 {
        let message = socket.receive().await;
        if message["type"] == "error" {
            codes.push(message["payload"][0]["extensions"]["code"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(codes, ["RATE_LIMITED"; 3]);
    assert!(begun.elapsed() >= Duration::from_millis(200), "two pauses of 100 ms at least: {:?}", begun.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn messages_that_start_no_operation_count_as_requests() {
    let mut config = config();
    config.server.unlimited_networks.clear();
    config.rate_limits.requests_per_address = limit(3);
    for message in [json!({ "type": "ping" }), json!({ "type": "pong" }), json!({ "type": "complete", "id": "none" })] {
        let server = Server::start(&config).await;
        let mut socket = Client::open(server.address).await;
        for _ in 0..3 {
            socket.send(message.clone()).await;
        }
        socket.subscribe("query", "{ __typename }").await;
        let answer = loop {
            let answer = socket.receive().await;
            if answer["type"] != "pong" {
                break answer;
            }
        };
        assert_eq!(answer["payload"][0]["extensions"]["code"], "RATE_LIMITED", "{message}: {answer}");
        server.stop().await;
    }
}

mod redis {
    use super::*;

    /// A restarted node stands in for a second one: two nodes would need a database that both can use.
    #[tokio::test]
    async fn with_redis_the_points_left_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config();
        config.database.url = DatabaseUrl::Sqlite(folder.path().join("orderwire.db"));
        config.redis.url = Some(RedisUrl::parse(&redis_server::shared_url()).unwrap());
        config.rate_limits.sign_ins_per_account = limit(2);
        for codes in [["BAD_CREDENTIALS", "BAD_CREDENTIALS"], ["RATE_LIMITED", "RATE_LIMITED"]] {
            let server = Server::start(&config).await;
            for code in codes {
                assert_eq!(server.login(ANN, "ann@example.com", PASSWORD).await, code);
            }
            server.stop().await;
        }
    }

    #[tokio::test]
    async fn an_operation_makes_one_redis_call_at_most() {
        let redis = RedisServer::start();
        let mut config = config();
        config.redis.url = Some(RedisUrl::parse(&redis.url()).unwrap());
        let server = Server::start(&config).await;
        let token = server.register("ann").await;
        let mut connection =
            ::redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let mut asked = async || {
            let stats: String = ::redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
            let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_eval:calls=")).unwrap_or("0,");
            line.split(',').next().unwrap().parse::<u64>().unwrap()
        };
        server.ask(ANN, Some(&token), "{ me { id } }").await;
        let before = asked().await;
        for _ in 0..10 {
            let (status, answer) =
                server.ask(ANN, Some(&token), "{ me { id orders { nodes { id } } } products { nodes { id } } }").await;
            assert_eq!(status, StatusCode::OK, "{answer}");
        }
        let calls = asked().await - before;
        assert!(calls <= 11, "{calls} calls for ten operations, and what was unsettled before");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_user_registers_documents_from_any_address_and_an_address_those_of_clients_without_a_user() {
    let mut config = config();
    // Otherwise a document that is not registered is found there.
    config.operations.cache = 0;
    // Two documents each, with what an entry takes beside its text.
    config.rate_limits.registered_bytes_per_user = limit(600);
    config.rate_limits.registered_bytes_per_address = limit(600);
    let server = Server::start(&config).await;
    let token = server.register("ann").await;
    let send = async |from: &str, token: Option<&str>, body: Value| -> Value {
        let post = reqwest::Client::new().post(format!("http://{}/graphql", server.address));
        let post = if let Some(token) = token { post.bearer_auth(token) } else { post };
        post.header("x-forwarded-for", from).json(&body).send().await.unwrap().json().await.unwrap()
    };
    let mut registered = Vec::new();
    for (number, (from, token)) in [
        (ANN, None),
        (ANN, None),
        (ANN, None),
        (ANN, Some(&*token)),
        (ANN, Some(&token)),
        (ANN, Some(&token)),
        (BEN, Some(&token)),
        (BEN, None),
        (BEN, Some("no token")),
    ]
    .into_iter()
    .enumerate()
    {
        let query = format!("{{ a{number}: __typename }}");
        let hash: String = Sha256::digest(&query).iter().map(|byte| format!("{byte:02x}")).collect();
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        let answer = send(from, token, json!({ "query": query, "extensions": extensions })).await;
        let runs = answer == json!({ "data": { (format!("a{number}")): "Query" } });
        let found = send("127.0.0.1", None, json!({ "extensions": extensions })).await;
        registered.push((runs, found.get("data").is_some()));
    }
    let (kept, not_kept, refused) = ((true, true), (true, false), (false, false));
    assert_eq!(registered, [kept, kept, not_kept, kept, kept, not_kept, not_kept, kept, refused]);
    server.stop().await;
}

#[tokio::test]
async fn a_subscriber_pays_for_what_is_read_from_the_log_although_it_selects_little() {
    const TASKS: usize = 40;
    const BYTES: usize = 20_000;
    let mut config = config();
    config.rate_limits.customer_cost = limit(100_000);
    // The rest is read from the log.
    config.feed.recent = 8;
    let server = Server::start(&config).await;
    let token = server.register("ann").await;
    let ask = async |query: &str| {
        let (status, answer) = server.ask("127.0.0.1", Some(&token), query).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    };
    let left = async || {
        let answer = ask("{ __typename }").await;
        answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"].as_u64().unwrap()
    };
    let cursor = ask("{ eventCursor }").await["data"]["eventCursor"].as_str().unwrap().to_owned();
    for number in 0..TASKS {
        let text = format!("{number} {}", "x".repeat(BYTES));
        ask(&format!(
            r#"mutation {{ createTask(input: {{ title: "a", description: "{text}" }}) {{ task {{ id }} }} }}"#
        ))
        .await;
    }
    let before = left().await;
    let mut socket =
        Client::open_with(server.address, ws::MODERN, json!({ "authorization": format!("Bearer {token}") })).await;
    socket.subscribe("tasks", &format!(r#"subscription {{ taskUpdates(after: "{cursor}") {{ kind }} }}"#)).await;
    for _ in 0..TASKS {
        assert_eq!(socket.receive().await["type"], "next");
    }
    socket.send(json!({ "id": "tasks", "type": "complete" })).await;
    let read = ((TASKS - 8) * BYTES / 1024) as u64;
    support::wait_until("what was read is charged", Duration::from_secs(60), async || {
        let paid = before.saturating_sub(left().await);
        assert!(paid < 2 * read, "{paid} points for {read} KiB");
        paid >= read
    })
    .await;
    server.stop().await;
}
