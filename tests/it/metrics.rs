//! The server's metrics and log lines.

use std::{collections::BTreeMap, net::TcpListener, process::Command, time::Duration};

use orderwire::telemetry::metrics::declarations;
use serde_json::{Value, json};

use crate::{
    cli_process::{Running, assert_refused, graphql, orderwire, run},
    support::{
        wait_until,
        ws::{self, Client},
    },
};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A server process whose metrics are read.
struct MeteredServer {
    server: Running,
    url: String,
    metrics: String,
}

impl MeteredServer {
    fn start(mut command: Command) -> Self {
        command.env("BIND", "127.0.0.1:0").env("METRICS_BIND", "127.0.0.1:0");
        let mut server = Running::start(command);
        let address = |line: String| {
            let address = &line[line.find("http://").unwrap()..];
            address.split(['"', ' ']).next().unwrap().to_owned()
        };
        let metrics = address(server.line("metrics are at http://"));
        let url = address(server.line("listening on http://"));
        Self { server, url, metrics }
    }

    /// Reads all series with their values.
    async fn series(&self) -> BTreeMap<String, f64> {
        let answer = reqwest::get(&self.metrics).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let text = answer.text().await.unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pair = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        };
        lines.map(pair).collect()
    }

    async fn value(&self, series: &str) -> f64 {
        self.series().await.get(series).copied().unwrap_or_default()
    }

    async fn becomes(&self, series: &str, value: f64) {
        wait_until(&format!("{series} {value}"), TIMEOUT, async || self.value(series).await == value).await;
    }

    async fn query(&self, token: Option<&str>, query: &str) -> Value {
        graphql(&self.url, token, query, json!({})).await
    }

    /// Registers a customer and returns the access token.
    async fn register(&self, password: &str) -> String {
        let register = format!(
            "mutation Register {{ register(input: {{ email: \"ann@example.com\", name: \"Ann\", password: \"{password}\" }}) {{ session {{ accessToken }} }} }}"
        );
        let answer = self.query(None, &register).await;
        answer["data"]["register"]["session"]["accessToken"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

const CREATE_TASK: &str = "mutation Create { createTask(input: { title: \"Pack\" }) { task { id } } }";

#[tokio::test]
async fn each_operation_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    // Without the cache, so that each read is a storage call.
    let metered = MeteredServer::start(orderwire(folder.path(), &["serve", "--set", "cache.bytes=0"]));
    for _ in 0..7 {
        metered.query(None, "query Shop { products { nodes { id } } }").await;
    }
    for _ in 0..3 {
        metered.query(None, "{ trendingProducts { id } }").await;
    }
    for _ in 0..2 {
        metered.query(None, "query Wrong { nothing }").await;
    }
    metered.query(None, "query Mine { me { id } orders { nodes { id } } }").await;
    let token = metered.register("correct horse battery staple").await;
    metered.query(Some(&token), CREATE_TASK).await;

    let series = metered.series().await;
    for (name, value) in [
        (r#"orderwire_operations_total{operation="Shop",type="query",code="OK"}"#, 7.0),
        (r#"orderwire_operations_total{operation="anonymous",type="query",code="OK"}"#, 3.0),
        (r#"orderwire_operations_total{operation="unknown",type="unknown",code="BAD_USER_INPUT"}"#, 2.0),
        (r#"orderwire_operations_total{operation="Mine",type="query",code="UNAUTHENTICATED"}"#, 1.0),
        (r#"orderwire_operations_total{operation="Create",type="mutation",code="OK"}"#, 1.0),
        (r#"orderwire_operation_duration_seconds_count{operation="Shop",type="query"}"#, 7.0),
        (r#"orderwire_operation_storage_calls_sum{operation="Shop",type="query"}"#, 7.0),
        // Run in a spawned task and still counted for the operation.
        (r#"orderwire_operation_storage_calls_sum{operation="Create",type="mutation"}"#, 1.0),
        (r#"orderwire_storage_calls_total{engine="sqlite",method="list_products",outcome="ok"}"#, 7.0),
        (r#"orderwire_storage_calls_total{engine="sqlite",method="insert_task",outcome="ok"}"#, 1.0),
        (r#"orderwire_storage_batch_size_sum{method="list_products"}"#, 7.0),
        (r#"orderwire_cache_lookups_total{cache="documents"}"#, 15.0),
        (r#"orderwire_cache_misses_total{cache="trending"}"#, 1.0),
        (r#"orderwire_cache_lookups_total{cache="trending"}"#, 3.0),
        (r#"orderwire_sign_ins_total{outcome="ok"}"#, 1.0),
        (r#"orderwire_http_requests_total{route="/graphql",method="POST",status="2xx"}"#, 15.0),
        ("orderwire_bus_connected", 1.0),
        ("orderwire_sqlite_changes_waiting", 0.0),
    ] {
        let similar: Vec<_> =
            series.iter().filter(|(series, _)| series.split('{').next() == name.split('{').next()).collect();
        assert_eq!(series.get(name), Some(&value), "{name} in {similar:#?}");
    }
}

#[tokio::test]
async fn open_subscriptions_are_gauged() {
    const OPEN: &str = r#"orderwire_subscriptions{field="taskUpdates"}"#;
    const SOCKETS: &str = r#"orderwire_connections{transport="graphql-transport-ws"}"#;
    let folder = tempfile::tempdir().unwrap();
    let metered = MeteredServer::start(orderwire(folder.path(), &["serve"]));
    let token = metered.register("correct horse battery staple").await;
    let address = metered.url.strip_prefix("http://").unwrap().parse().unwrap();
    let payload = json!({ "authorization": format!("Bearer {token}") });
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::open_with(address, ws::MODERN, payload.clone()).await;
        client.subscribe("1", "subscription Watch { taskUpdates { kind } }").await;
        clients.push(client);
    }
    metered.becomes(OPEN, 2.0).await;
    assert_eq!(metered.value(SOCKETS).await, 2.0);
    metered.query(Some(&token), CREATE_TASK).await;
    for client in &mut clients {
        assert_eq!(client.receive().await["payload"]["data"]["taskUpdates"]["kind"], "CREATED");
    }
    let series = metered.series().await;
    for (name, value) in [
        (r#"orderwire_deliveries_total{transport="graphql-transport-ws"}"#, 2.0),
        (r#"orderwire_deliveries_total{transport="graphql-ws"}"#, 0.0),
        ("orderwire_updates_executed_total", 1.0),
        // The registration has an entry, too.
        ("orderwire_event_lag_seconds_count", 2.0),
        ("orderwire_feed_head", 2.0),
        (r#"orderwire_operations_total{operation="Watch",type="subscription",code="OK"}"#, 2.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name}");
    }
    clients[0].send(json!({ "id": "1", "type": "complete" })).await;
    metered.becomes(OPEN, 1.0).await;
    drop(clients);
    metered.becomes(OPEN, 0.0).await;
    metered.becomes(SOCKETS, 0.0).await;
}

#[tokio::test]
async fn clients_cannot_create_unbounded_metric_series() {
    let folder = tempfile::tempdir().unwrap();
    let metered = MeteredServer::start(orderwire(folder.path(), &["serve"]));
    for number in 0..1000 {
        metered.query(None, &format!("query Name{number} {{ __typename }}")).await;
    }
    let series = metered.series().await;
    let counts = series.iter().filter(|(name, _)| name.starts_with("orderwire_operations_total{"));
    let counts: Vec<(&String, &f64)> = counts.collect();
    assert_eq!(counts.len(), 101, "{counts:#?}");
    assert_eq!(series[r#"orderwire_operations_total{operation="other",type="query",code="OK"}"#], 900.0);
    assert_eq!(series[r#"orderwire_operations_total{operation="Name99",type="query",code="OK"}"#], 1.0);
    for path in ["/no/such/page", "/nor/this"] {
        assert_eq!(reqwest::get(format!("{}{path}", metered.url)).await.unwrap().status(), 404);
    }
    assert_eq!(metered.value(r#"orderwire_http_requests_total{route="none",method="GET",status="4xx"}"#).await, 2.0);
}

#[tokio::test]
async fn only_declared_metrics_are_served_and_only_at_their_own_address() {
    let folder = tempfile::tempdir().unwrap();
    let metered = MeteredServer::start(orderwire(folder.path(), &["serve"]));
    assert_eq!(reqwest::get(format!("{}/metrics", metered.url)).await.unwrap().status(), 404);
    let text = reqwest::get(&metered.metrics).await.unwrap().text().await.unwrap();
    let served = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| line.split_once(' ').unwrap());
    for (name, kind) in served {
        assert!(declarations().iter().any(|declared| (declared.name, declared.kind) == (name, kind)), "{name} {kind}");
    }
    let public = reqwest::get(metered.metrics.replace("/metrics", "/graphql")).await.unwrap();
    assert_eq!(public.status(), 404, "the other way round neither");
}

#[test]
fn a_metrics_address_in_use_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("metrics.bind={}", taken.local_addr().unwrap());
    let output = run(folder.path(), &["serve", "--bind", "127.0.0.1:0", "--set", &taken]);
    assert_refused(&output, 1, &format!("cannot listen on {}", taken.strip_prefix("metrics.bind=").unwrap()));
}

#[test]
fn every_metric_is_documented() {
    let documented = std::fs::read_to_string("docs/operations.md").unwrap();
    let is_metric = |line: &&str| ["| `orderwire_", "| `process_"].iter().any(|start| line.starts_with(start));
    let documented: Vec<&str> = documented.lines().filter(is_metric).collect();
    let declared: Vec<String> = declarations()
        .iter()
        .map(|metric| {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            format!("| `{}` | {} | {} | {} |", metric.name, metric.kind, labels.join(", "), metric.help)
        })
        .collect();
    assert_eq!(documented, declared, "the table of docs/operations.md should be:\n{}", declared.join("\n"));
}

/// Parses the lines of a JSON log.
fn lines(log: &str) -> Vec<Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test]
async fn the_log_has_every_operation_by_request_id_and_no_secret() {
    const PASSWORD: &str = "correct horse battery staple";
    const SECRET: &str = "q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE";
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        orderwire(folder.path(), &["serve", "--set", "log.format=json", "--set", "log.slow_operation=1ms"]);
    command.env("LOG_LEVEL", "debug").env("JWT_SECRET", SECRET);
    let metered = MeteredServer::start(command);
    let token = metered.register(PASSWORD).await;

    let request = reqwest::Client::new().post(format!("{}/graphql", metered.url)).header("x-request-id", "over-http");
    let query = json!({ "query": "query OverHttp { products { nodes { id } } }" });
    let answer = request.bearer_auth(&token).json(&query).send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "over-http");

    let address = metered.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut handshake = ws::request(address, ws::MODERN);
    handshake.headers_mut().insert("x-request-id", "over-websocket".parse().unwrap());
    let mut client = Client::with(address, handshake).await;
    let payload = json!({ "authorization": format!("Bearer {token}") });
    client.send(json!({ "type": "connection_init", "payload": payload })).await;
    assert_eq!(client.receive().await["type"], "connection_ack");
    client.subscribe("1", "mutation OverWebSocket { createTask(input: { title: \"Pack\" }) { task { id } } }").await;
    assert_eq!(client.receive().await["type"], "next");

    metered.server.signal("TERM");
    let (_, log) = metered.server.end();
    let lines = lines(&log);
    for (operation, request_id) in [("OverHttp", "over-http"), ("OverWebSocket", "over-websocket-1")] {
        let line = lines.iter().find(|line| line["operation"] == operation).unwrap_or_else(|| panic!("{log}"));
        assert_eq!(line["span"]["request_id"], request_id, "{line}");
    }
    let slow = lines.iter().find(|line| line["operation"] == "Register").unwrap();
    assert_eq!((&slow["level"], &slow["message"]), (&json!("WARN"), &json!("a slow operation")), "hashing takes long");
    for secret in [PASSWORD, SECRET, &token] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
